/** Why a recipient cannot be expanded, in words for the log. */
import { type ExpansionFault, nodeText } from "#model/expansion-list.ts";
import type { NodeSource } from "#model/reason.ts";
import type { Refusal } from "#model/resolution.ts";
import { mayExecute } from "./forward-rule.ts";
import type { Decided, TreeNode } from "./node-tree.ts";

export function unavailable(why: string): Refusal {
  return { kind: "unavailable", why };
}

export function badList(where: string, fault: ExpansionFault): Refusal {
  return unavailable(`${where}: line ${fault.line}, column ${fault.column}: ${fault.reason}`);
}

/** Undefined: the command or file that `node` is may be used. */
export function whyNotExecuted(node: TreeNode, { action }: Decided): string | undefined {
  const text = nodeText(node.is);
  if (action.kind === "forward-only" || action.kind === "expand-only")
    return `${action.kind} takes addresses only: ${text}`;
  return mayExecute(action, originOf(node).kind) ? undefined : `needs allow-exec: ${text}`;
}

/** What had the list that a node is in, whatever files that list included. */
export function originOf(node: TreeNode): NodeSource {
  let at = node;
  while (at.source.kind === "include" && at.parent !== undefined) at = at.parent;
  return at.source;
}
