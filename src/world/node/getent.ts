/**
 * One entry of a system database through getent(1), which asks whatever nsswitch.conf(5)
 * says: Node has neither getpwnam nor getgrnam.
 *
 * A name that cannot be one there is absent without a question: it may have come from a
 * stranger, and getent takes digits for a number.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";

const TIMEOUT_MS = 10_000;

/** getent(1), EXIT STATUS: a supplied key could not be found. */
const EXIT_NOT_FOUND = 2;

/** What useradd(8) and groupadd(8) allow, and capitals and dots, which directories have. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}\$?$/;

type Database = "passwd" | "group";

/** A group may have many members. */
const MAX_ENTRY_BYTES: Readonly<Record<Database, number>> = {
  passwd: 16 * 1024,
  group: 1024 * 1024,
};

/** Whether an entry may have this name. */
export function isEntryName(name: string): boolean {
  return NAME.test(name);
}

/** The fields of the entry `name`, which colons divide. */
export async function getent(
  database: Database,
  name: string,
  children: Children,
): Promise<Lookup<readonly string[]>> {
  return isEntryName(name) ? ask(database, name, children) : ABSENT;
}

/** The fields of the first entry of the user with this number. */
export async function userEntry(
  uid: number,
  children: Children,
): Promise<Lookup<readonly string[]>> {
  return Number.isInteger(uid) && uid >= 0 ? ask("passwd", String(uid), children) : ABSENT;
}

async function ask(
  database: Database,
  key: string,
  children: Children,
): Promise<Lookup<readonly string[]>> {
  const result = await children.run({
    command: ["getent", database, key],
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: MAX_ENTRY_BYTES[database],
  });
  if (result.kind === "not-started") return { kind: "unavailable", cause: result.cause };
  if (result.kind !== "exited") return unavailable(database, result.kind);
  if (result.code === EXIT_NOT_FOUND) return ABSENT;
  if (result.code !== 0) return unavailable(database, `exits ${result.code}`);
  const line = new TextDecoder().decode(result.stdout).split("\n", 1)[0] ?? "";
  return found(line.split(":"));
}

/** What getent printed is no entry. */
export function noEntry(database: Database): Lookup<never> {
  return unavailable(database, "printed no entry");
}

/** A uid or gid in digits; undefined if it is none. */
export function parseId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function unavailable(database: Database, how: string): Lookup<never> {
  const what = database === "passwd" ? "user" : "group";
  return { kind: "unavailable", cause: new Error(`Cannot look up a ${what}: getent ${how}`) };
}
