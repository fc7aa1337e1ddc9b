/** Who carries out a local delivery: an agent, as the account, or a dispatcher, to a server. */
import type { Action, LocalAction } from "#model/config/action.ts";
import { needsHome } from "#model/config/format.ts";

/** @param isListed a list named a command or file, whatever the action's own method is. */
export function isDeliveredByAgent(action: Action, isListed: boolean): boolean {
  if (action.kind === "relay") return false;
  if (isListed || action.kind === "maildir" || action.kind === "mbox" || action.kind === "mda")
    return true;
  // A home is its owner's: nobody else may reach a socket in it.
  const { kind } = action;
  return (
    kind === "lmtp" && action.destination.kind === "format" && needsHome(action.destination.format)
  );
}

/** Whether lists may name commands and files for it. */
export function mayListExecute({ aliases, forwardFile }: LocalAction): boolean {
  return (aliases?.allowExec ?? false) || (forwardFile?.allowExec ?? false);
}
