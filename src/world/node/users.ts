/**
 * System users by name and by number (getent.ts).
 *
 * Answers are kept for a few seconds; "unavailable" is not kept. At most `MAX_RUNNING` questions run at a
 * time; when too many wait, the answer is "unavailable" at once.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users, UsersByUid } from "#base/ports/users.ts";
import { Semaphore } from "#base/semaphore.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import { getent, isEntryName, noEntry, parseId, userEntry } from "./getent.ts";

const BOUNDS: RememberBounds = { keptMs: 5_000, maxKept: 1_000 };
const MAX_RUNNING = 4;
const MAX_WAITING = 256;

/** The users of this machine. */
export function nodeUsers(children: Children, clock: Clock): Users & UsersByUid {
  const kept = new RememberedAnswers<Lookup<User>>(clock, BOUNDS);
  const line = new Semaphore(MAX_RUNNING, MAX_WAITING);

  async function ask(
    question: () => Promise<Lookup<readonly string[]>>,
    isMeant: (user: User) => boolean,
  ): Promise<Lookup<User>> {
    if (line.isFull) {
      const cause = new Error("Cannot look up a user: too many questions wait");
      return { kind: "unavailable", cause };
    }
    const answer = await line.run(question);
    return answer.kind === "found" ? readEntry(answer.value, isMeant) : answer;
  }

  return {
    async lookup(name) {
      if (!isEntryName(name)) return ABSENT;
      const question = (): Promise<Lookup<readonly string[]>> => getent("passwd", name, children);
      return kept.answer(name, () => ask(question, (user) => user.name === name));
    },
    async lookupUid(uid) {
      // No name is all digits (getent.ts).
      const key = String(uid);
      const question = (): Promise<Lookup<readonly string[]>> => userEntry(uid, children);
      return kept.answer(key, () => ask(question, (user) => user.uid === uid));
    },
  };
}

/** passwd(5): name:password:uid:gid:gecos:home:shell. */
function readEntry(entry: readonly string[], isMeant: (user: User) => boolean): Lookup<User> {
  const [name, , uidText, gidText, , home] = entry;
  const [uid, gid] = [parseId(uidText), parseId(gidText)];
  if (name === undefined || home === undefined || uid === undefined || gid === undefined)
    return noEntry("passwd");
  const user = { name, uid, gid, home };
  return isMeant(user) ? found(user) : ABSENT;
}
