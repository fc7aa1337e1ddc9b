/**
 * Fails when smtpd.conf(5) and the grammar do not say the same:
 * `bin/node tools/check-manual.ts`.
 *
 * Every word of the grammar has an entry, in the section of each place where it may
 * stand; an entry names no other words, and has a default and an example that uses
 * all of its words. Options that OpenSMTPD does not have are said to be ours. The tables
 * of limits have the defaults of the code. What may stand
 * where is what the parser says that it expected; words that it takes without naming
 * them are listed below. That examples have a meaning is for test/conf/manual.test.ts.
 */
import { readFileSync } from "node:fs";
import { ComplaintList } from "#model/config/complaint.ts";
import { SMTP_SERVICES } from "#model/config/defaults.ts";
import { FORMAT_MODIFIERS, FORMAT_TOKENS } from "#model/config/format.ts";
import { KEYWORDS, words } from "#model/config/keywords.ts";
import {
  type LimitTraits,
  MDA_LIMITS,
  MTA_LIMITS,
  SCHEDULER_LIMITS,
} from "#model/config/limits.ts";
import { parse } from "#model/config/parser.ts";
import { TLS_LEVELS, TLS_VERSIONS } from "#model/config/tls-settings.ts";
import { entriesOf, type ManualEntry, wordsOf } from "#test/support/manual-entries.ts";
import { type ManualPage, readManualPage } from "#test/support/manual-page.ts";

const PAGE = "man/smtpd.conf.5.md";
const RESERVED_SECTION = "RESERVED WORDS";

/** Something that no place of the grammar takes. */
const PROBE = "zz-no-such-word";

const NO_FILE = { kind: "files-fault", code: "ENOENT", message: "no such file" } as const;

/** Sections, and the places whose words have their entries there; PROBE stands at the end. */
const PLACES: readonly (readonly [section: string, lines: readonly string[]])[] = [
  [
    "THE WHOLE SERVER",
    [
      "bounce",
      "compat",
      "mda",
      "mta",
      "mta tls-report",
      'mta tls-report from "a@b.example"',
      "queue",
      "queue compression",
      "scheduler",
      "smtp",
      "smtp tls",
      "srs",
      "trace",
    ],
  ],
  [
    "CERTIFICATES",
    ["pki a", "ca a", "oauth a", 'oauth a introspect "b"', 'oauth a introspect "b" client c'],
  ],
  ["LISTENER OPTIONS", ["listen on eth0", "listen on socket"]],
  [
    "FILTERS",
    [
      "filter a",
      "filter a phase",
      "filter a phase connect match",
      "filter a phase connect match fcrdns",
      'filter a proc-exec "/b"',
      'proc a "/b"',
    ],
  ],
  ["ACTIONS", ["action a"]],
  ["LOCAL OPTIONS", ["action a mbox", 'action a maildir "b"', 'action a lmtp "b"']],
  ["RELAYING", ["action a relay"]],
  ["RULES", ["match", "match from", "match for"]],
];

/** Words whose entry is in another section than that of their place. */
const ELSEWHERE: ReadonlyMap<string, readonly string[]> = new Map([
  ["ACTIONS", ["relay"]],
  ["RELAYING", ["ttl"]], // both kinds of action have it
]);

/** Statements that take any text, and so do not say what they expect. */
const UNPROBED: readonly string[] = ["admd"];

/** Words that are not reserved, and that the parser takes without naming them. */
const OTHER_WORDS: readonly string[] = [
  ...words("allow-exec fingerprint opensmtpd forward-file oauth trace"),
  ...words("all egress localhost"), // to listen on
  ...words("max-rcpt max-mails"),
  ...words("none auto legacy"), // dhe
  ...words("auto off"), // ocsp
  ...words("default all tlsv1"), // levels and versions, besides those of the code
  ...words("file db passwd"), // table backends
  ...words("<localhost> <anyhost> <localnames> <anydestination> <getpwnam>"),
  ...words("smtp:// smtp+notls:// smtp+tls:// smtps:// lmtp:// unix: lmtp:"),
];

export interface Grammar {
  /** All words that have a meaning. */
  readonly words: ReadonlySet<string>;
  /** Which of them may stand where, by section of the page. */
  readonly bySection: ReadonlyMap<string, ReadonlySet<string>>;
}

export function grammar(): Grammar {
  const bySection = new Map(
    PLACES.map(([section, lines]) => [section, new Set(lines.flatMap(expectedAfter))] as const),
  );
  const limits = [MTA_LIMITS, MDA_LIMITS, SCHEDULER_LIMITS].flatMap((traits) =>
    Object.values<LimitTraits>(traits).map(({ word }) => word),
  );
  const tokens = [...FORMAT_TOKENS, "mda"].map((token) => `%{${token}}`);
  return {
    words: new Set([
      ...KEYWORDS,
      ...[...bySection.values()].flatMap((found) => [...found]),
      ...limits,
      ...TLS_LEVELS,
      ...TLS_VERSIONS,
      ...Object.keys(SMTP_SERVICES),
      ...tokens,
      ...FORMAT_MODIFIERS,
      ...OTHER_WORDS,
    ]),
    bySection,
  };
}

/** The words that the parser would have taken behind `line`. */
export function expectedAfter(line: string): readonly string[] {
  const complaints = new ComplaintList();
  const text = `${line} ${PROBE}\n`;
  parse({ file: "probe", text, read: () => NO_FILE, macros: new Map() }, complaints);
  const [message = ""] = complaints.list().map((complaint) => complaint.message);
  if (!message.startsWith(`unexpected '${PROBE}'`))
    throw new Error(`the parser does not say what it expects behind '${line}': ${message}`);
  return Array.from(message.matchAll(/'([^']+)'/gu), ([, word = ""]) => word).slice(1);
}

/** What is wrong with the page, each with the entry it is about. */
export function manualFaults(page: ManualPage, { words: known, bySection }: Grammar): string[] {
  const entries = entriesOf(page);
  const reserved = new Set(
    page.parts
      .filter(({ section }) => section === RESERVED_SECTION)
      .flatMap(({ blocks }) => blocks)
      .flatMap((block) => (block.kind === "paragraph" ? wordsOf(block.inlines) : [])),
  );
  const documented = new Set(entries.flatMap((entry) => entry.words));
  return [
    ...[...known]
      .filter((word) => !documented.has(word) && !reserved.has(word))
      .map((word) => `'${word}' has no entry`),
    ...[...reserved]
      .filter((word) => documented.has(word) || !KEYWORDS.includes(word))
      .map((word) => `'${word}' is not a reserved word without a use`),
    ...[...bySection].flatMap(([section, found]) => sectionFaults(section, found, entries)),
    ...entries.flatMap((entry) => entryFaults(entry, known)),
    ...twice(entries.map(({ section, title }) => `${section}: ${title}`)),
  ];
}

function sectionFaults(
  section: string,
  expected: ReadonlySet<string>,
  entries: readonly ManualEntry[],
): readonly string[] {
  const here = entries.filter((entry) => entry.section === section);
  const documented = new Set(here.flatMap((entry) => entry.words));
  const elsewhere = ELSEWHERE.get(section) ?? [];
  const lines = PLACES.find(([name]) => name === section)?.[1] ?? [];
  const heads = new Set([...expected, ...lines.flatMap(words), ...UNPROBED]);
  return [
    ...[...expected]
      .filter((word) => !documented.has(word) && !elsewhere.includes(word))
      .map((word) => `${section}: '${word}' has no entry there`),
    ...here.flatMap((entry) =>
      entry.words
        .filter((word) => expected.has(word) && !KEYWORDS.includes(word))
        .filter(() => !/not in OpenSMTPD/iu.test(entry.text))
        .map((word) => `${section}: ${entry.title}: '${word}' is not said to be ours`),
    ),
    ...here
      .filter((entry) => !entry.words.some((word) => heads.has(word)))
      .map(({ title }) => `${section}: ${title}: has no place there`),
  ];
}

function entryFaults(entry: ManualEntry, known: ReadonlySet<string>): readonly string[] {
  const { section, title, words: ours, default: usual, examples } = entry;
  const example = examples.join("");
  const faults = [
    ...(usual === undefined ? ["has no default"] : []),
    ...(examples.length === 0 ? ["has no example"] : []),
    ...ours.filter((word) => !known.has(word)).map((word) => `'${word}' is not in the grammar`),
    ...ours
      .filter((word) => examples.length > 0 && !isUsed(word, example))
      .map((word) => `its example does not use '${word}'`),
    ...limitFaults(entry),
  ];
  return faults.map((fault) => `${section}: ${title}: ${fault}`);
}

/** As a word of its own; a specifier may have modifiers. */
function isUsed(word: string, example: string): boolean {
  if (word.startsWith("%{")) return example.includes(word.slice(0, -1));
  if (!/^[a-z]/u.test(word) || word.endsWith(":") || word.endsWith("//"))
    return example.includes(word);
  const literal = word.replaceAll(/[.+]/gu, "\\$&");
  return new RegExp(`(?<![\\w.-])${literal}(?![\\w-])`, "u").test(example);
}

const LIMIT_ENTRIES = new Map<string, Readonly<Record<string, LimitTraits>>>([
  ["mta limit", MTA_LIMITS],
  ["mda limit", MDA_LIMITS],
  ["scheduler limit", SCHEDULER_LIMITS],
]);

/** Tables of limits have each of them, with its default. */
function limitFaults({ title, rows }: ManualEntry): readonly string[] {
  const traits = [...LIMIT_ENTRIES].find(([start]) => title.startsWith(`${start} `))?.[1];
  if (traits === undefined) return [];
  const expected = Object.values(traits).map((limit) => `${limit.word}: ${defaultText(limit)}`);
  const written = new Set(rows.map(({ words: [word = ""], text }) => `${word}: ${text}`));
  return expected.filter((row) => !written.has(row)).map((row) => `its table lacks '${row}'`);
}

function defaultText({ unit, default: usual, compatDefault }: LimitTraits): string {
  const number = (value: number): string => String(unit === "seconds" ? value / 1000 : value);
  return compatDefault === undefined
    ? number(usual)
    : `${number(usual)}, compat ${number(compatDefault)}`;
}

function twice(titles: readonly string[]): readonly string[] {
  return titles
    .filter((title, index) => titles.indexOf(title) !== index)
    .map((title) => `${title}: has two entries`);
}

if (import.meta.main) {
  const page = readManualPage(readFileSync(PAGE, "utf8"));
  const faults = manualFaults(page, grammar());
  for (const fault of faults) console.error(`${PAGE}: ${fault}`);
  console.log(`${entriesOf(page).length} entries, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
