/**
 * What an action lets its lists do: whether `~/.forward` is looked at, and which lists may
 * name commands and files. Whoever reads the file, or starts the command, asks this again
 * of its own configuration (nooSMTPD).
 */
import type { Action, LocalAction } from "#model/config/action.ts";
import type { NodeSource } from "#model/reason.ts";

/** Whether it says `forward-file`; `forward-only` alone does not ask for it either. */
export function readsForwardFile(action: Action): action is LocalAction {
  return action.kind !== "relay" && action.forwardFile !== undefined;
}

/** Whether a list that came from `origin` may have commands and files. */
export function mayExecute(action: LocalAction, origin: NodeSource["kind"]): boolean {
  if (origin === "forward-file") return action.forwardFile?.allowExec ?? false;
  if (origin === "alias" || origin === "virtual") return action.aliases?.allowExec ?? false;
  return false;
}
