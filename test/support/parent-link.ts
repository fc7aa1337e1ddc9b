/** A role's channel to a parent that is not there: what is said to it a test may hear. */
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import type { RoleSetting } from "#processes/role.ts";

export function parentLink(
  heard: (message: ChildToParent) => void = () => undefined,
): RoleSetting["parent"] {
  return { congested: false, send: heard, end: () => undefined, destroy: () => undefined };
}
