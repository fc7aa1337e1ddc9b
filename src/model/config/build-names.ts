/** Certificates, authorities and wrappers by name, from the lines that declare them. */
import type { ComplaintList } from "./complaint.ts";
import { type Ca, formatPlace, type MdaWrapper, type Pki, type Place } from "./config.ts";
import { parseFormat } from "./format.ts";
import type { CaStatement, PkiStatement, Statement, Word, WrapperStatement } from "./syntax.ts";
import { meantHint } from "./token-reader.ts";

/** Things that lines declare and others name; those with complaints of their own are undefined. */
export class Names<Value> {
  readonly #complaints: ComplaintList;
  readonly #isPartial: boolean;
  readonly #unknown: (name: string) => string;
  readonly #values: ReadonlyMap<string, Value | undefined>;

  /** `unknown` words the complaint about a name that nothing declares. */
  constructor(
    complaints: ComplaintList,
    isPartial: boolean,
    [values, unknown]: readonly [
      values: ReadonlyMap<string, Value | undefined>,
      unknown: (name: string) => string,
    ],
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

/** All lines of one name together: a later one adds to it, or replaces. */
export function buildPkis(statements: readonly Statement[]): ReadonlyMap<string, Pki> {
  const pkis = new Map<string, Pki>();
  for (const statement of statements) {
    if (statement.kind !== "pki") continue;
    const { name } = statement;
    pkis.set(name.text, mergePki(statement, pkis.get(name.text)));
  }
  return pkis;
}

const NEW_PKI = { cert: undefined, key: undefined, dhe: "none" } as const;

function mergePki(statement: PkiStatement, earlier: Pki | undefined): Pki {
  const { cert, key, dhe } = statement;
  const before = earlier ?? { at: statement.at, places: {}, ...NEW_PKI };
  return {
    at: before.at,
    places: {
      ...before.places,
      ...(cert && { cert: cert.at }),
      ...(key && { key: key.at }),
      ...(dhe && { dhe: dhe.at }),
    },
    name: statement.name.text,
    cert: cert?.value ?? before.cert,
    key: key?.value ?? before.key,
    dhe: dhe?.value ?? before.dhe,
  };
}

/** Of two lines of one name the later counts. */
export function buildCas(statements: readonly Statement[]): ReadonlyMap<string, Ca> {
  const lines = statements.filter((statement): statement is CaStatement => statement.kind === "ca");
  return new Map(
    lines.map(({ at, name, cert }) => [name.text, { at, name: name.text, cert: cert.text }]),
  );
}

export function buildWrappers(
  statements: readonly Statement[],
  complaints: ComplaintList,
): ReadonlyMap<string, MdaWrapper | undefined> {
  const wrappers = new Map<string, MdaWrapper | undefined>();
  const places = new Map<string, Place>();
  for (const statement of statements) {
    if (statement.kind !== "wrapper") continue;
    const { name } = statement;
    if (isTaken(name, places, ["mda wrapper", complaints])) continue;
    wrappers.set(name.text, buildWrapper(statement, complaints));
  }
  return wrappers;
}

/** As complaints call them; an action is a "dispatcher" there. */
export type NamedThing = "dispatcher" | "filter" | "mda wrapper" | "processor";

/** Complains if `name` was declared before, else remembers it. */
export function isTaken(
  { text, at }: Word,
  places: Map<string, Place>,
  [what, complaints]: readonly [what: NamedThing, complaints: ComplaintList],
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

function buildWrapper(
  { at, name, command }: WrapperStatement,
  complaints: ComplaintList,
): MdaWrapper | undefined {
  const format = parseFormat(command.text, "wrapper");
  if ("reason" in format) {
    complaints.error(command.at, format.reason);
    return undefined;
  }
  if (!format.parts.some((part) => part.kind === "token" && part.token === "mda"))
    complaints.warning(
      command.at,
      `mda wrapper ${name.text} does not run what it wraps: its mail is not delivered`,
      "%{mda} stands for the command",
    );
  return { at, name: name.text, command: format };
}
