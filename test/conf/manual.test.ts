/** The manual and the program say the same: words, defaults and examples. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  DEFAULT_MAILDIR,
  DEFAULT_SMTP_PORT,
  DEFAULT_SOCKET_MODE,
  MAX_TAG_LENGTH,
  SETTINGS,
  SMTP_SERVICES,
} from "#model/config/defaults.ts";
import { formatDelay } from "#model/config/delay.ts";
import { FORMAT_TOKENS } from "#model/config/format.ts";
import { KEYWORDS } from "#model/config/keywords.ts";
import {
  NOT_BUILT_OPTIONS,
  NOT_BUILT_STATEMENTS,
  UNUSED_KEYWORDS,
} from "#model/config/not-built.ts";
import { formatSize } from "#model/config/size.ts";

const MANUAL = readFileSync(join(import.meta.dirname, "../../man/smtpd.conf.5"), "utf8");

/** Words that the manual sets as words of the language. */
const documented = new Set(
  MANUAL.split("\n")
    .filter((line) => line.startsWith("."))
    .flatMap((line) => [...line.matchAll(/\bIc ([a-z0-9 ,-]+)/gu)])
    .flatMap(([, words = ""]) => words.split(/[ ,]+/u)),
);

const notBuilt = new Set([
  ...NOT_BUILT_STATEMENTS.keys(),
  ...[...NOT_BUILT_STATEMENTS.values()].flat(),
  ...Object.values(NOT_BUILT_OPTIONS).flat(),
]);

for (const keyword of KEYWORDS) {
  test(`keyword '${keyword}' is in the manual, or not built`, () => {
    const isKnown =
      documented.has(keyword) || notBuilt.has(keyword) || UNUSED_KEYWORDS.includes(keyword);
    assert.ok(isKnown, `'${keyword}' is neither`);
  });
}

test("statements that are not built have no entry in the manual", () => {
  for (const statement of NOT_BUILT_STATEMENTS.keys())
    assert.ok(!documented.has(statement), statement);
});

test("manual has each default", () => {
  const { maxMessageBytes, maxRecipients, maxMailsPerSession, queueTtlMs } = SETTINGS;
  const sentences = [
    `The default is ${formatSize(maxMessageBytes.default)}.`,
    `The defaults are ${maxRecipients.default} and ${maxMailsPerSession.default}.`,
    `The default is ${formatDelay(queueTtlMs.default)}.`,
    `The default is ${DEFAULT_SMTP_PORT}.`,
    `The default is 0${DEFAULT_SOCKET_MODE.toString(8)}`,
    `.Pa ${DEFAULT_MAILDIR}\nby default`,
    `at most ${MAX_TAG_LENGTH} characters`,
  ];
  for (const sentence of sentences) assert.ok(MANUAL.includes(sentence), sentence);
});

test("manual has each service and format specifier", () => {
  for (const service of Object.keys(SMTP_SERVICES)) assert.ok(documented.has(service), service);
  for (const token of FORMAT_TOKENS) assert.ok(MANUAL.includes(`%{${token}}`), token);
});

test("each example of the manual is a golden, and each such golden an example", () => {
  const examples = MANUAL.matchAll(
    /^\.\\" golden: (\S+)\n\.Bd -literal -offset indent\n(.*?)^\.Ed$/gmsu,
  );
  const seen: string[] = [];
  for (const [, name = "", text = ""] of examples) {
    seen.push(`${name}.conf`);
    const golden = readFileSync(join(import.meta.dirname, `${name}.conf`), "utf8");
    assert.equal(text.replaceAll("\\e", "\\"), golden, name);
  }
  assert.equal(seen.length, MANUAL.match(/^\.Bd -literal/gmu)?.length);
  const goldens = readdirSync(import.meta.dirname).filter((file) => /^man-.*\.conf$/u.test(file));
  assert.deepEqual(seen.toSorted(), goldens.toSorted());
});

test("page of differences names only files that are there", () => {
  const root = join(import.meta.dirname, "../..");
  const page = readFileSync(join(root, "docs/opensmtpd.md"), "utf8");
  const paths = Array.from(
    page.matchAll(/`((?:src|test)\/[^` ]+\.[a-z]+)`/gu),
    ([, path = ""]) => path,
  );
  assert.ok(paths.length > 40, String(paths.length));
  for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});
