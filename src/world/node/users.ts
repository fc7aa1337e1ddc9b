/**
 * System users by name and by number (getent.ts).
 *
 * Names that are asked for at once, or while others are, are one question: a process for each
 * would cost more than the answer. Where that one fails they are asked for one by one, so that
 * no name spoils the answer for others. Answers are kept for a few seconds; "unavailable" is not
 * kept. At most `MAX_RUNNING` questions run at a time; when too many wait, the answer is
 * "unavailable" at once.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Children } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users, UsersByUid } from "#base/ports/users.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import { getentAll, isEntryName, noEntry, parseId } from "./getent.ts";

const BOUNDS: RememberBounds = { keptMs: 5_000, maxKept: 1_000 };
const MAX_RUNNING = 4;
const MAX_WAITING = 256;
/** Names of one question: one that a directory is slow to find holds up no more than these. */
const MAX_TOGETHER = 16;
/** Of names that are asked for one by one: then it is the directory that fails, and the others fail with them. */
const MAX_FAULTS_ALONE = 2;

/** passwd(5): name:password:uid:gid:gecos:home:shell. */
type Entry = readonly string[];
const NAME = 0;
const UID = 2;

/** The users of this machine. */
export function nodeUsers(children: Children, clock: Clock): Users & UsersByUid {
  const kept = new RememberedAnswers<Lookup<User>>(clock, BOUNDS);
  const questions = new Questions(children);
  return {
    async lookup(name) {
      if (!isEntryName(name)) return ABSENT;
      return kept.answer(name, () => questions.ask(name, (entry) => entry[NAME] === name));
    },
    async lookupUid(uid) {
      if (!Number.isInteger(uid) || uid < 0) return ABSENT;
      // No name is all digits (getent.ts).
      const key = String(uid);
      return kept.answer(key, () => questions.ask(key, (entry) => parseId(entry[UID]) === uid));
    },
  };
}

interface Question {
  /** A name, or a number in digits. */
  readonly key: string;
  isMeant(entry: Entry): boolean;
  answer(entry: Lookup<User>): void;
}

/** Those that wait are asked for MAX_TOGETHER at a time. */
class Questions {
  readonly #children: Children;
  readonly #waiting: Question[] = [];
  #running = 0;

  constructor(children: Children) {
    this.#children = children;
  }

  /** @param isMeant whether it is the entry of that key. */
  ask(key: string, isMeant: Question["isMeant"]): Promise<Lookup<User>> {
    const { promise, resolve } = Promise.withResolvers<Lookup<User>>();
    if (this.#waiting.length >= MAX_WAITING) {
      const cause = new Error("Cannot look up a user: too many questions wait");
      return Promise.resolve({ kind: "unavailable", cause });
    }
    this.#waiting.push({ key, isMeant, answer: resolve });
    // Those who ask in the same turn are asked for together.
    if (this.#waiting.length === 1) queueMicrotask(() => this.#run());
    return promise;
  }

  #run(): void {
    while (this.#running < MAX_RUNNING && this.#waiting.length > 0) {
      this.#running++;
      void this.#askFor(this.#waiting.splice(0, MAX_TOGETHER));
    }
  }

  async #askFor(questions: readonly Question[]): Promise<void> {
    const entries = await this.#entriesOf(questions);
    if (entries.kind === "unavailable" && questions.length > 1) await this.#askAlone(questions);
    else for (const question of questions) settle(question, entries);
    this.#running--;
    this.#run();
  }

  /** A stranger may have named one that takes all the time there is, or many that take it together. */
  async #askAlone(questions: readonly Question[]): Promise<void> {
    let faults = 0;
    let entries: Lookup<readonly Entry[]> = ABSENT;
    for (const question of questions) {
      if (faults < MAX_FAULTS_ALONE) entries = await this.#entriesOf([question]);
      if (entries.kind === "unavailable") faults++;
      settle(question, entries);
    }
  }

  #entriesOf(questions: readonly Question[]): Promise<Lookup<readonly Entry[]>> {
    const keys = questions.map(({ key }) => key);
    return getentAll("passwd", keys, this.#children);
  }
}

function settle(question: Question, entries: Lookup<readonly Entry[]>): void {
  if (entries.kind !== "found") {
    question.answer(entries);
    return;
  }
  const entry = entries.value.find((each) => question.isMeant(each));
  question.answer(entry === undefined ? ABSENT : readEntry(entry));
}

function readEntry(entry: Entry): Lookup<User> {
  const [name, , uidText, gidText, , home] = entry;
  const [uid, gid] = [parseId(uidText), parseId(gidText)];
  if (name === undefined || home === undefined || uid === undefined || gid === undefined)
    return noEntry("passwd");
  return found({ name, uid, gid, home });
}
