/**
 * Groups of the system by name. Asked for when the configuration is carried out, so
 * nothing is kept.
 */
import { found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";
import { getent, noEntry, parseId } from "./getent.ts";

/** The gid of the group `name`. */
export async function groupId(name: string, children: Children): Promise<Lookup<number>> {
  const answer = await getent("group", name, children);
  if (answer.kind !== "found") return answer;
  // group(5): name:password:gid:members.
  const gid = parseId(answer.value[2]);
  return gid === undefined ? noEntry("group") : found(gid);
}
