/**
 * The account that an action delivers as: who writes the mailbox, and whose forward file
 * is read.
 *
 * That of the action's `user`, who is the system's, goes before the recipient's own, in
 * the userbase or among the system's users. Judges nobody: whoever acts as the account
 * looks at its numbers. A userbase that is not in memory is unavailable without `askTable`.
 */
import { found, type Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import { parseUserinfo } from "#model/table-values.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";

export interface AccountSources {
  readonly users: Users;
  readonly subAddressDelimiter: string;
  readonly askTable?: AskTable | undefined;
}

/** @param user the recipient. */
export async function deliveryAccount(
  { user: fixed, userbase }: LocalAction,
  user: string,
  { users, subAddressDelimiter: delimiter, askTable }: AccountSources,
): Promise<Lookup<User>> {
  if (fixed !== undefined) return users.lookup(fixed);
  if (userbase === undefined) return users.lookup(user);
  const answer = await (askTable === undefined
    ? compileTable(userbase, "userinfo", { delimiter })(user)
    : askTable(userbase, "userinfo", user));
  if (answer.kind !== "found") return answer;
  const userinfo = parseUserinfo(answer.value);
  if (userinfo !== undefined) return found({ name: user, ...userinfo });
  return { kind: "unavailable", cause: new Error(`<${userbase.name}> has no UID:GID:HOME for it`) };
}
