/**
 * System users through getent(1), which asks whatever nsswitch.conf(5) says:
 * Node has no getpwnam.
 *
 * A name that cannot be a user's is absent without a question: it may have come
 * from a stranger, and getent takes digits for a uid. Answers are kept for a few
 * seconds; "unavailable" is not kept. At most `MAX_RUNNING` questions run at a
 * time; when too many wait, the answer is "unavailable" at once.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children, RunResult } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users } from "#base/ports/users.ts";

const KEPT_MS = 5_000;
const MAX_KEPT = 1_000;
const MAX_RUNNING = 4;
const MAX_WAITING = 256;
const TIMEOUT_MS = 10_000;
const MAX_ENTRY_BYTES = 16_384;

/** getent(1), EXIT STATUS: a supplied key could not be found. */
const EXIT_NOT_FOUND = 2;

/** What useradd(8) allows, and capitals and dots, which directories have. */
const USER_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}\$?$/;

interface Kept {
  readonly answer: Promise<Lookup<User>>;
  readonly untilMs: number;
}

/** The users of this machine. */
export function nodeUsers(children: Children, clock: Clock): Users {
  const kept = new Map<string, Kept>();
  const waiting: (() => void)[] = [];
  let running = 0;

  async function ask(name: string): Promise<Lookup<User>> {
    if (running >= MAX_RUNNING) {
      if (waiting.length >= MAX_WAITING) {
        return unavailable("Cannot look up a user: too many questions wait");
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      const result = await children.run({
        command: ["getent", "passwd", name],
        timeoutMs: TIMEOUT_MS,
        maxOutputBytes: MAX_ENTRY_BYTES,
      });
      return readAnswer(name, result);
    } finally {
      // The place goes to the next in line, or is given up.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  return {
    async lookup(name) {
      if (!USER_NAME.test(name)) return ABSENT;
      const known = kept.get(name);
      if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.answer;
      const answer = ask(name);
      const entry: Kept = { answer, untilMs: clock.monotonicMs() + KEPT_MS };
      kept.delete(name);
      kept.set(name, entry);
      if (kept.size > MAX_KEPT) dropOldest(kept);
      const given = await answer;
      if (given.kind === "unavailable" && kept.get(name) === entry) kept.delete(name);
      return given;
    },
  };
}

function dropOldest(kept: Map<string, Kept>): void {
  for (const name of kept.keys()) {
    kept.delete(name);
    return;
  }
}

function readAnswer(name: string, result: RunResult): Lookup<User> {
  if (result.kind === "not-started") return { kind: "unavailable", cause: result.cause };
  if (result.kind !== "exited") return unavailable(`Cannot look up a user: getent ${result.kind}`);
  if (result.code === EXIT_NOT_FOUND) return ABSENT;
  if (result.code !== 0) return unavailable(`Cannot look up a user: getent exits ${result.code}`);
  const line = new TextDecoder().decode(result.stdout).split("\n", 1)[0] ?? "";
  const user = parsePasswdLine(line);
  if (user === undefined) return unavailable("Cannot look up a user: getent printed no entry");
  return user.name === name ? found(user) : ABSENT;
}

/** passwd(5): name:password:uid:gid:gecos:home:shell. */
function parsePasswdLine(line: string): User | undefined {
  const [name, , uid, gid, , home] = line.split(":");
  if (name === undefined || home === undefined) return undefined;
  if (!isId(uid) || !isId(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text);
}

function unavailable(message: string): Lookup<never> {
  return { kind: "unavailable", cause: new Error(message) };
}
