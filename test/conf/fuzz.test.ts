/**
 * Whatever the text, reading it ends: with a configuration or with complaints, never
 * with an exception. fuzz/ holds texts that once were trouble or look for it; the rest
 * are made up, and pieced together from words of the language.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { KEYWORDS } from "#model/config/keywords.ts";
import { readAnyConfig } from "#test/support/any-config-text.ts";
import { configTextArbitrary } from "#test/support/config-text.ts";

const CORPUS = join(import.meta.dirname, "fuzz");

for (const name of readdirSync(CORPUS)) {
  test(`text '${name}' has a meaning or complaints`, () => {
    readAnyConfig(readFileSync(join(CORPUS, name), "utf8"));
  });
}

test("any characters have a meaning or complaints", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => readAnyConfig(text)),
    { numRuns: 500 },
  );
});

const signs = ["{", "}", "<", ">", "!", "=", "=>", ",", "$m", "$x", "-", "\\", '"', "'", "#", "\n"];
/** Words that are no keywords, and values. */
const others =
  "curves mode compat opensmtpd allow-exec forward-file accept deliver to via expire max-rcpt " +
  "warn-interval 4h 35M 25 lo ::1 a.example regex t";
const quoted = ['"/x y"', '"%{rcpt:raw}"', '"(a|"', "<t>", "{ a, b }", "{ a = b }"];
const words = [...KEYWORDS, ...others.split(" "), ...quoted];
const piece = fc.oneof(fc.constantFrom(...words), fc.constantFrom(...signs));

test("any words of the language have a meaning or complaints", () => {
  const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(" "));
  const starting = fc
    .tuple(
      fc.constantFrom("listen on", "action", "match", "filter", "smtp", "accept", "table"),
      line,
    )
    .map((parts) => parts.join(" "));
  const text = fc
    .array(fc.oneof(line, starting), { maxLength: 8 })
    .map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, (made) => readAnyConfig(made)),
    { numRuns: 1000 },
  );
});

test("a good configuration that was cut, or had something put in, has a meaning or complaints", () => {
  const spoilt = fc
    .tuple(configTextArbitrary, fc.nat(), fc.nat({ max: 20 }), fc.oneof(piece, fc.string()))
    .map(([text, at, count, put]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + count);
    });
  fc.assert(
    fc.property(spoilt, (text) => readAnyConfig(text)),
    { numRuns: 300 },
  );
});
