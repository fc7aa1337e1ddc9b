/**
 * Groups of the system through getent(1): Node has no getgrnam. Asked for when the
 * configuration is carried out, so nothing is kept.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";

const TIMEOUT_MS = 10_000;
/** A group may have many members. */
const MAX_ENTRY_BYTES: number = 1024 * 1024;
/** getent(1), EXIT STATUS: a supplied key could not be found. */
const EXIT_NOT_FOUND = 2;
/** What groupadd(8) allows, and capitals and dots, which directories have. */
const GROUP_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}\$?$/;

/** The gid of the group `name`. */
export async function groupId(name: string, children: Children): Promise<Lookup<number>> {
  // getent takes digits for a gid.
  if (!GROUP_NAME.test(name)) return ABSENT;
  const result = await children.run({
    command: ["getent", "group", name],
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: MAX_ENTRY_BYTES,
  });
  if (result.kind === "not-started") return { kind: "unavailable", cause: result.cause };
  if (result.kind !== "exited") return unavailable(`Cannot look up a group: getent ${result.kind}`);
  if (result.code === EXIT_NOT_FOUND) return ABSENT;
  if (result.code !== 0) return unavailable(`Cannot look up a group: getent exits ${result.code}`);
  // group(5): name:password:gid:members.
  const line = new TextDecoder().decode(result.stdout).split("\n", 1)[0] ?? "";
  const [, , gid = ""] = line.split(":");
  return /^\d{1,10}$/.test(gid) ? found(Number(gid)) : unavailable("getent printed no entry");
}

function unavailable(message: string): Lookup<never> {
  return { kind: "unavailable", cause: new Error(message) };
}
