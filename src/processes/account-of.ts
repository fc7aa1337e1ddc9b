/**
 * Which account an action delivers as, and reads the forward file of: the same name at
 * both ends of a channel, in the dispatcher that asks for an agent and in the parent.
 */
import type { Action } from "#model/config/action.ts";
import { COMMAND_USER } from "#model/daemon-users.ts";

/** The name of the account; a user of a userbase is told from one of the system. */
export function accountOf(action: Action | undefined, user: string): string {
  if (action === undefined || action.kind === "relay") return user;
  if (action.user !== undefined) return action.user;
  if (user === COMMAND_USER) return user;
  // No name of an account has a slash (isAccountName).
  return action.userbase === undefined ? user : `<${action.userbase.name}>/${user}`;
}
