/** Each option that a program names in its usage, and each command, has an entry in its manual page. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fencedIn } from "#test/support/manual-examples.ts";
import { plainText, readManualPage } from "#test/support/manual-page.ts";
import { MAKEMAP_USAGE } from "./makemap-arguments.ts";
import { DOCTOR_USAGE } from "./smtpctl-doctor-arguments.ts";
import { EXPLAIN_USAGE } from "./smtpctl-explain-arguments.ts";
import { parseSendmailArguments, SENDMAIL_USAGE } from "./sendmail-arguments.ts";
import { SMTP_USAGE } from "./smtp-arguments.ts";
import { COMMANDS, PARAMETERS } from "./smtpctl-commands.ts";
import { SMTPD_USAGE } from "./smtpd-options.ts";

const PAGES: readonly (readonly [page: string, usage: string])[] = [
  ["smtp.1", SMTP_USAGE],
  ["smtpd.8", SMTPD_USAGE],
  ["makemap.8", MAKEMAP_USAGE],
  ["sendmail.8", SENDMAIL_USAGE],
  ["smtpctl.8", EXPLAIN_USAGE],
  ["smtpctl.8", DOCTOR_USAGE],
];

/** The lists of a page, each item as text without marks. */
function itemsOf(page: string): readonly string[] {
  const path = join(import.meta.dirname, `../../man/${page}.md`);
  return readManualPage(readFileSync(path, "utf8"))
    .parts.flatMap(({ blocks }) => blocks)
    .flatMap((block) => (block.kind === "list" ? block.items : []))
    .map(plainText);
}

/** Options that items begin with, without their values. */
function documentedOptions(page: string): readonly string[] {
  return itemsOf(page)
    .flatMap((item) => item.split(", "))
    .map((item) => /^--?[A-Za-z-]+/u.exec(item)?.[0])
    .filter((option) => option !== undefined);
}

/** `-dF` are two of one letter. */
function optionsIn(usage: string): readonly string[] {
  const words = Array.from(
    usage.matchAll(/(?<=[[ ])(--?[A-Za-z]+(?:-[a-z]+)*)/gu),
    ([, word = ""]) => word,
  );
  return words.flatMap((word) =>
    word.startsWith("--") ? [word] : Array.from(word.slice(1), (letter) => `-${letter}`),
  );
}

for (const [page, usage] of PAGES) {
  test(`${page} has each option of the usage`, () => {
    const options = optionsIn(usage);
    assert.ok(options.length > 2, usage);
    const documented = documentedOptions(page);
    assert.deepEqual(
      options.filter((option) => !documented.includes(option)),
      [],
    );
  });
}

test("explanation in smtpctl.8 is what smtpctl says", () => {
  const root = join(import.meta.dirname, "../..");
  const page = readFileSync(join(root, "man/smtpctl.8.md"), "utf8");
  const shown = fencedIn(page).filter(({ info }) => info.startsWith("explain "));
  assert.equal(shown.length, 1);
  for (const { info, text } of shown) {
    const golden = join(root, "test", "explain", `${info.slice("explain ".length)}.txt`);
    assert.equal(text, readFileSync(golden, "utf8"));
  }
});

test("smtpctl.8 has each command that is built", () => {
  const items = itemsOf("smtpctl.8").flatMap((item) => item.split(", "));
  // Up to the first parameter: an item has its own name for that.
  const built = COMMANDS.filter(({ kind }) => kind !== "missing").map(({ words }) => {
    const first = words.findIndex((word) => PARAMETERS.has(word) || word === "all");
    return words.slice(0, first < 0 ? words.length : first).join(" ");
  });
  assert.ok(built.length > 10, String(built.length));
  const missing = built.filter((command) => !items.some((item) => item.startsWith(command)));
  assert.deepEqual(missing, []);
});

test("sendmail.8 has each letter that sendmail takes", () => {
  const page = readFileSync(join(import.meta.dirname, "../../man/sendmail.8.md"), "utf8");
  const letters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const taken = letters.filter((letter) => {
    const asked = parseSendmailArguments([`-${letter}`, "x"]);
    return /[A-Za-z]/.test(letter) && !("message" in asked && asked.message.startsWith("unknown"));
  });
  assert.ok(taken.length > 20, taken.join(""));
  assert.deepEqual(
    taken.filter((letter) => !page.includes(`\`-${letter}\``)),
    [],
  );
});
