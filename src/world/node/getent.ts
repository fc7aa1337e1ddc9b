/**
 * Entries of a system database through getent(1), which asks whatever nsswitch.conf(5)
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
  if (!isEntryName(name)) return ABSENT;
  const answer = await getentAll(database, [name], children);
  if (answer.kind !== "found") return answer;
  const [entry] = answer.value;
  return entry === undefined ? ABSENT : found(entry);
}

/**
 * The entries of those of `keys` that have one.
 *
 * @param keys names of entries, or numbers; at least one.
 */
export async function getentAll(
  database: Database,
  keys: readonly string[],
  children: Children,
): Promise<Lookup<readonly (readonly string[])[]>> {
  const result = await children.run({
    command: ["getent", database, ...keys],
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: MAX_ENTRY_BYTES[database] * keys.length,
  });
  if (result.kind === "not-started") return { kind: "unavailable", cause: result.cause };
  if (result.kind !== "exited") return unavailable(database, result.kind);
  // Of several keys it prints those that it has found.
  if (result.code !== 0 && result.code !== EXIT_NOT_FOUND)
    return unavailable(database, `exits ${result.code}`);
  const lines = new TextDecoder()
    .decode(result.stdout)
    .split("\n")
    .filter((line) => line !== "");
  if (result.code === 0 && lines.length < keys.length) return noEntry(database);
  return found(lines.map((line) => line.split(":")));
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
