/**
 * Examples of smtpd.conf(5) in the manual pages and other documents, as whole files.
 *
 * Fenced text with the info string `smtpd.conf` is a file; `smtpd.conf frame` is one
 * whose names other examples may use; `smtpd.conf fragment` is some lines of a file.
 * A fragment gets what it lacks: the statements of the frame that declare what it names
 * and does not declare, a listener, and rules that use its actions and take mail from
 * local, all of them before it and none in the way of its own rules. `compat none` spares
 * it what is said of differences from OpenSMTPD.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Example {
  /** `man/smtpd.conf.5.md:120`: where its text begins. */
  readonly place: string;
  readonly kind: "whole" | "frame" | "fragment";
  readonly text: string;
}

const DOCUMENTS: readonly string[] = ["*.md", "{bench,docs,src,test}/**/*.md", "man/*.md"];
const FENCED = /^```(?<info>[^\n`]*)\n(?<text>.*?)^```$/gmsu;
const KINDS: Readonly<Record<string, Example["kind"]>> = {
  "smtpd.conf": "whole",
  "smtpd.conf frame": "frame",
  "smtpd.conf fragment": "fragment",
};

/** Of the documents below `root` that may hold examples, in the order of their names. */
export function documentsIn(root: string): readonly string[] {
  return globSync([...DOCUMENTS], { cwd: root }).toSorted();
}

export function findExamples(root: string): readonly Example[] {
  return documentsIn(root).flatMap((path) =>
    examplesIn(path, readFileSync(join(root, path), "utf8")),
  );
}

function examplesIn(path: string, markdown: string): readonly Example[] {
  return fencedIn(markdown).flatMap(({ info, text, line }) => {
    const kind = KINDS[info];
    if (kind !== undefined) return [{ place: `${path}:${line}`, kind, text }];
    if (info.startsWith("smtpd.conf")) throw new Error(`${path}:${line}: what is '${info}'?`);
    return [];
  });
}

export interface Fenced {
  readonly info: string;
  readonly text: string;
  /** Of the first line of `text`; counts from 1. */
  readonly line: number;
}

export function fencedIn(markdown: string): readonly Fenced[] {
  return Array.from(markdown.matchAll(FENCED), ({ groups, index }) => ({
    info: groups?.["info"] ?? "",
    text: groups?.["text"] ?? "",
    line: markdown.slice(0, index).split("\n").length + 1,
  }));
}

/** A statement that declares a name; it begins its line. */
const DECLARATION = /^(?<kind>action|ca|filter|pki|table)[ \t]+(?<name>"[^"]+"|[\w.-]+)/gmu;
const USED_ACTION = /^match\b.*\baction[ \t]+("[^"]+"|[\w.-]+)$/gmu;

/** `fragment` as a file of its own. Each line of `frame` is a statement. */
export function completeFragment(fragment: string, frame: string): string {
  const before: string[] = [];
  const whole = (): string => [...before, fragment].join("\n");
  if (!/^compat\b/mu.test(fragment)) before.push("compat none");
  if (!/^listen on socket\b/mu.test(fragment)) before.push("listen on socket");
  for (let added = -1; added !== before.length; ) {
    added = before.length;
    before.push(...frame.split("\n").filter((line) => isMissing(line, whole())));
  }
  const used = new Set(Array.from(whole().matchAll(USED_ACTION), ([, name]) => name));
  const actions = declarationsIn(whole())
    .filter(({ kind }) => kind === "action")
    .map(({ name }) => name);
  if (actions.length === 0) before.push("action none relay");
  // Nothing has this tag: the rules use each action, and match no mail.
  const unused = actions.filter((name) => !used.has(name));
  const names = unused.length > 0 ? unused : [actions[0] ?? "none"];
  before.push(...names.map((name) => `match tag UNUSED for any action ${name}`));
  return whole();
}

/** `line` declares something that `text` names and does not declare. */
function isMissing(line: string, text: string): boolean {
  const [declared] = declarationsIn(line);
  if (declared === undefined) return false;
  const { kind, name } = declared;
  if (declarationsIn(text).some((other) => other.kind === kind && other.name === name))
    return false;
  const literal = name.replaceAll(".", "\\.");
  const reference = {
    action: `\\baction ${literal}$`,
    ca: `\\bca ${literal}\\b`,
    filter: `\\b${literal}\\b`,
    pki: `\\bpki ${literal}\\b`,
    table: `<${literal}>`,
  }[kind];
  return reference !== undefined && new RegExp(reference, "mu").test(text);
}

interface Declaration {
  readonly kind: string;
  readonly name: string;
}

function declarationsIn(text: string): readonly Declaration[] {
  return Array.from(text.matchAll(DECLARATION), ({ groups }) => ({
    kind: groups?.["kind"] ?? "",
    name: groups?.["name"] ?? "",
  }));
}
