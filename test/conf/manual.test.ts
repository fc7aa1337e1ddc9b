/**
 * The manual pages and the program say the same: examples, defaults, and what is not
 * built. That each word of the language has its entry is for tools/check-manual.ts.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Complaint, formatComplaint } from "#model/config/complaint.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import {
  DEFAULT_BOUNCE_WARN_INTERVALS_MS,
  DEFAULT_MAILDIR,
  DEFAULT_SMTP_PORT,
  DEFAULT_SMTPS_PORT,
  DEFAULT_SOCKET_MODE,
  DEFAULT_SRS_TTL_MS,
  DEFAULT_SUB_ADDRESS_DELIMITER,
  MAX_LISTENER_PKIS,
  MAX_SOCKET_PATH_BYTES,
  MAX_TABLE_NAME_LENGTH,
  MAX_TAG_LENGTH,
  SETTINGS,
} from "#model/config/defaults.ts";
import { formatDelay } from "#model/config/delay.ts";
import { notBuilt } from "#model/config/not-built.ts";
import { type ParsedConfig, parseConfig } from "#model/config/parse-config.ts";
import { printConfig } from "#model/config/print-config.ts";
import { formatSize } from "#model/config/size.ts";
import { parseTableFile } from "#model/config/table-file.ts";
import { parseExpansionFile, parseExpansionList } from "#model/expansion-list.ts";
import { checkRegex } from "#policy/tables/regex.ts";
import { entriesOf, type ManualEntry } from "#test/support/manual-entries.ts";
import {
  completeFragment,
  documentsIn,
  fencedIn,
  findExamples,
} from "#test/support/manual-examples.ts";
import { type Inline, plainText, readManualPage } from "#test/support/manual-page.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = "man/smtpd.conf.5.md";
const MANUAL = readFileSync(join(ROOT, PAGE), "utf8");

const page = readManualPage(MANUAL);
const entries = entriesOf(page);
const examples = findExamples(ROOT);
const frames = examples.filter(({ kind }) => kind === "frame");
const frame = frames[0]?.text ?? "";

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([
    ["lo", ["127.0.0.1", "::1"]],
    ["eth0", ["192.0.2.25", "2001:db8::25"]],
  ]),
  egress: ["eth0"],
  enqueueSocketPath: "/run/postrider/enqueue.sock",
  macros: new Map(),
  checkRegex,
};

/** Reads `text`, and `/etc/mail/…` from files/. */
function parse(text: string): ParsedConfig {
  const read = (path: string): ReturnType<Parameters<typeof parseConfig>[0]["read"]> => {
    if (path === "smtpd.conf") return text;
    const local = join(import.meta.dirname, "files", path.replace(/^\/etc\/mail\//u, ""));
    if (existsSync(local)) return readFileSync(local, "utf8");
    return { kind: "files-fault", code: "ENOENT", message: "no such file" };
  };
  return parseConfig({ file: "smtpd.conf", read }, CONTEXT);
}

function told(complaints: readonly Complaint[]): string {
  return complaints.map(formatComplaint).join("\n");
}

test("one example has the names that the others use", () => {
  assert.equal(frames.length, 1);
  assert.ok(examples.length > 100, String(examples.length));
});

for (const { place, kind, text } of examples) {
  test(`example at ${place} is read without a complaint`, () => {
    const whole = kind === "fragment" ? completeFragment(text, frame) : text;
    assert.equal(told(parse(whole).complaints), "", whole);
  });
}

function lineOf(place: string): number {
  return Number(place.slice(place.lastIndexOf(":") + 1));
}

test("each example means the same when its printed meaning is read", () => {
  for (const { place, kind, text } of examples) {
    const { config } = parse(kind === "fragment" ? completeFragment(text, frame) : text);
    assert.ok(config, place);
    const printed = printConfig(config);
    const again = parse(printed);
    assert.equal(told(again.complaints), "", `${place}\n${printed}`);
    assert.ok(again.config, place);
    assert.equal(printConfig(again.config), printed, place);
  }
});

test("whole examples of smtpd.conf(5) are goldens, and such goldens examples", () => {
  const start = MANUAL.slice(0, MANUAL.indexOf("\n## EXAMPLES\n")).split("\n").length;
  const whole = examples.filter(
    ({ place, kind }) => place.startsWith(PAGE) && kind !== "fragment" && lineOf(place) > start,
  );
  const goldens = readdirSync(import.meta.dirname)
    .filter((file) => /^man-.*\.conf$/u.test(file))
    .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"));
  assert.deepEqual(whole.map(({ text }) => text).toSorted(), goldens.toSorted());
});

test("no example of the language hides from these tests", () => {
  for (const path of documentsIn(ROOT)) {
    for (const { info, text, line } of fencedIn(readFileSync(join(ROOT, path), "utf8"))) {
      const isConf = /^(?:listen on|match|action|table|pki) /mu.test(text);
      assert.ok(!isConf || info.startsWith("smtpd.conf"), `${path}:${line}`);
    }
  }
});

// What is not built.

/** What an entry is called in the list: the words that it begins with. */
function leadOf(title: readonly Inline[]): string {
  const end = title.findIndex(({ kind, text }) => kind !== "code" && text !== " ");
  const lead = end === 0 ? title.slice(0, 1) : title.slice(0, end < 0 ? title.length : end);
  return plainText(lead).trim();
}

/** Leads of entries by section; "everything" is all. */
function listedAsNotBuilt(): ReadonlyMap<string, readonly string[]> {
  const blocks = page.parts
    .filter(({ section }) => section === "NOT BUILT YET")
    .flatMap((part) => part.blocks);
  const rows = blocks.flatMap((block) => (block.kind === "table" ? block.rows.slice(1) : []));
  return new Map(
    rows.map(([section = [], what = []]) => {
      const named = what.filter(({ kind }) => kind !== "text").map(({ text }) => text);
      return [plainText(section), named.length === 0 ? [plainText(what)] : named];
    }),
  );
}

function isNotBuilt({ examples: texts }: ManualEntry): boolean {
  return texts.some((text) => {
    const { config } = parse(completeFragment(text, frame));
    assert.ok(config, text);
    return notBuilt(config).length > 0;
  });
}

test("list of what is not built is that of the program", () => {
  const leads = new Map(
    page.parts.map(({ heading = [] }) => [plainText(heading), leadOf(heading)] as const),
  );
  const listed = listedAsNotBuilt();
  for (const entry of entries) {
    const lead = leads.get(entry.title) ?? "";
    const here = listed.get(entry.section) ?? [];
    const isListed = here.includes("everything") || here.includes(lead);
    assert.equal(isListed, isNotBuilt(entry), `${entry.section}: ${entry.title}`);
  }
  for (const [section, named] of listed) {
    const inSection = entries.filter((entry) => entry.section === section);
    const known = new Set(inSection.flatMap(({ title, words }) => [leads.get(title), ...words]));
    for (const name of named)
      assert.ok(name === "everything" || known.has(name), `${section}: ${name}`);
    assert.ok(inSection.length > 0, section);
  }
});

// Values.

const { maxMessageBytes, maxRecipients, maxMailsPerSession, queueTtlMs, mtaMaxDeferred } = SETTINGS;

/** Starts of titles, and of what stands behind "Default:". */
const DEFAULTS: readonly (readonly [title: string, start: string])[] = [
  ["queue ttl", formatDelay(queueTtlMs.default)],
  ["bounce warn-interval", DEFAULT_BOUNCE_WARN_INTERVALS_MS.map(formatDelay).join(", ")],
  ["srs ttl", formatDelay(DEFAULT_SRS_TTL_MS)],
  ["smtp max-message-size", formatSize(maxMessageBytes.default)],
  ["smtp limit", `max-rcpt ${maxRecipients.default}, max-mails ${maxMailsPerSession.default}`],
  ["smtp sub-addr-delim", DEFAULT_SUB_ADDRESS_DELIMITER],
  ["mta max-deferred", String(mtaMaxDeferred.default)],
  ["mode mode", `0${DEFAULT_SOCKET_MODE.toString(8)}`],
  ["port", `${DEFAULT_SMTP_PORT}; ${DEFAULT_SMTPS_PORT} with smtps`],
  ["maildir", DEFAULT_MAILDIR],
];

test("defaults of smtpd.conf(5) are those of the program", () => {
  for (const [title, start] of DEFAULTS) {
    const entry = entries.find((candidate) => candidate.title.startsWith(title));
    assert.ok(entry?.default?.startsWith(start), `${title}: ${entry?.default} is not ${start}`);
  }
});

test("bounds of smtpd.conf(5) are those of the program", () => {
  const sentences = [
    `At most ${MAX_TAG_LENGTH} characters.`,
    `A name has at most ${MAX_TABLE_NAME_LENGTH} characters.`,
    `A path may have ${MAX_SOCKET_PATH_BYTES} bytes.`,
    `\`pki\` ${MAX_LISTENER_PKIS} times`,
    `At least ${queueTtlMs.min / 1000} second and at most ${queueTtlMs.max / 86_400_000} days.`,
  ];
  for (const sentence of sentences) assert.ok(MANUAL.includes(sentence), sentence);
});

test("file from before 6.4 is answered with the lines that the manual has", () => {
  const fenced = fencedIn(MANUAL);
  const at = fenced.findIndex(({ info }) => info === "before-6.4");
  const today = fenced[at + 1]?.text.split("\n") ?? [];
  const hints = parse(fenced[at]?.text ?? "").complaints.flatMap(({ hint }) => hint.split("\n"));
  const lines = hints.filter((line) => line.startsWith("  ")).map((line) => line.trim());
  assert.equal(lines.length, 4);
  for (const line of lines) assert.ok(today.includes(line), line);
});

// Other pages.

function examplesOf(path: string, info: string): readonly string[] {
  const fenced = fencedIn(readFileSync(join(ROOT, path), "utf8"));
  const texts = fenced.filter((block) => block.info === info).map(({ text }) => text);
  assert.ok(texts.length > 0, path);
  return texts;
}

test("examples of aliases(5) are tables whose values are lists", () => {
  for (const text of examplesOf("man/aliases.5.md", "aliases")) {
    const table = parseTableFile(text);
    assert.ok(table.kind === "table" && table.shape === "mapping", text);
    for (const { value } of table.entries)
      assert.equal(parseExpansionList(value).kind, "expansion-list", value);
  }
});

test("examples of forward(5) are forward files", () => {
  for (const text of examplesOf("man/forward.5.md", "forward"))
    assert.equal(parseExpansionFile(text).kind, "expansion-list", text);
});

test("examples of table(5) are the tables that they are said to be", () => {
  const shapes = examplesOf("man/table.5.md", "table").map((text) => {
    const table = parseTableFile(text);
    return table.kind === "table" ? [table.shape, table.entries.length] : table;
  });
  assert.deepEqual(shapes, [
    ["list", 2],
    ["mapping", 3],
    ["list", 2],
  ]);
});

test("page of differences names only files that are there", () => {
  const differences = readFileSync(join(ROOT, "docs/opensmtpd.md"), "utf8");
  const paths = Array.from(
    differences.matchAll(/`((?:src|test)\/[^` ]+\.[a-z]+)`/gu),
    ([, path = ""]) => path,
  );
  assert.ok(paths.length > 40, String(paths.length));
  for (const path of paths) assert.ok(existsSync(join(ROOT, path)), path);
});
