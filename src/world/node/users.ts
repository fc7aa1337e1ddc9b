/**
 * System users by name (getent.ts).
 *
 * Answers are kept for a few seconds; "unavailable" is not kept. At most `MAX_RUNNING` questions run at a
 * time; when too many wait, the answer is "unavailable" at once.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users } from "#base/ports/users.ts";
import { Semaphore } from "#base/semaphore.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import { getent, isEntryName, noEntry, parseId } from "./getent.ts";

const BOUNDS: RememberBounds = { keptMs: 5_000, maxKept: 1_000 };
const MAX_RUNNING = 4;
const MAX_WAITING = 256;

/** The users of this machine. */
export function nodeUsers(children: Children, clock: Clock): Users {
  const kept = new RememberedAnswers<Lookup<User>>(clock, BOUNDS);
  const line = new Semaphore(MAX_RUNNING, MAX_WAITING);

  async function ask(name: string): Promise<Lookup<User>> {
    if (line.isFull) {
      const cause = new Error("Cannot look up a user: too many questions wait");
      return { kind: "unavailable", cause };
    }
    const answer = await line.run(() => getent("passwd", name, children));
    return answer.kind === "found" ? readEntry(name, answer.value) : answer;
  }

  return {
    async lookup(name) {
      if (!isEntryName(name)) return ABSENT;
      return kept.known(name) ?? kept.keep(name, ask(name));
    },
  };
}

/** passwd(5): name:password:uid:gid:gecos:home:shell. */
function readEntry(wanted: string, entry: readonly string[]): Lookup<User> {
  const [name, , uidText, gidText, , home] = entry;
  const [uid, gid] = [parseId(uidText), parseId(gidText)];
  if (home === undefined || uid === undefined || gid === undefined) return noEntry("passwd");
  return name === wanted ? found({ name, uid, gid, home }) : ABSENT;
}
