/** Names that lines declare and others use, each declared once. */
import type { ComplaintList } from "./complaint.ts";
import { formatPlace, type Place } from "./place.ts";
import type { Word } from "./syntax.ts";
import { meantHint } from "./token-reader.ts";

/** Things that lines declare and others name; those with complaints of their own are undefined. */
export class Names<Value> {
  readonly #complaints: ComplaintList;
  readonly #isPartial: boolean;
  readonly #unknown: (name: string) => string;
  readonly #values: ReadonlyMap<string, Value | undefined>;

  /**
   * @param isPartial lines are missing, so an unknown name may be declared in one of them.
   * @param unknown words the complaint about a name that nothing declares.
   */
  constructor(
    values: ReadonlyMap<string, Value | undefined>,
    unknown: (name: string) => string,
    complaints: ComplaintList,
    isPartial: boolean,
  ) {
    this.#complaints = complaints;
    this.#isPartial = isPartial;
    this.#values = values;
    this.#unknown = unknown;
  }

  named({ text, at }: Word): Value | undefined {
    // The line that declares it may be one that did not fit.
    if (!this.#values.has(text) && !this.#isPartial && !this.#complaints.isFull)
      this.#complaints.error(at, this.#unknown(text), meantHint(text, [...this.#values.keys()]));
    return this.#values.get(text);
  }

  all(): ReadonlyMap<string, Value> {
    const whole = [...this.#values].filter(
      (entry): entry is [string, Value] => entry[1] !== undefined,
    );
    return new Map(whole);
  }
}

/** As complaints call them; an action is a "dispatcher" there. */
export type NamedThing = "dispatcher" | "filter" | "mda wrapper" | "oauth" | "processor";

/** Complains if `name` was declared before, else remembers it. */
export function isTaken(
  { text, at }: Word,
  places: Map<string, Place>,
  what: NamedThing,
  complaints: ComplaintList,
): boolean {
  const earlier = places.get(text);
  if (earlier === undefined) {
    places.set(text, at);
    return false;
  }
  // OpenSMTPD has two ways to say it (parse.y).
  const verb = what === "filter" || what === "processor" ? "exists" : "declared";
  const message = `${what} already ${verb} with that name: ${text}`;
  complaints.error(at, message, `see ${formatPlace(earlier)}`);
  return true;
}
