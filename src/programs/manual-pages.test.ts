/** Each option that a program names in its usage, and each command, has an entry in its manual page. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { plainText, readManualPage } from "#test/support/manual-page.ts";
import { MAKEMAP_USAGE } from "./makemap-arguments.ts";
import { SMTP_USAGE } from "./smtp-arguments.ts";
import { COMMANDS } from "./smtpctl-commands.ts";
import { SMTPD_USAGE } from "./smtpd-options.ts";

const PAGES: readonly (readonly [page: string, usage: string])[] = [
  ["smtp.1", SMTP_USAGE],
  ["smtpd.8", SMTPD_USAGE],
  ["makemap.8", MAKEMAP_USAGE],
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
    .map((item) => /^--?[A-Za-z]+/u.exec(item)?.[0])
    .filter((option) => option !== undefined);
}

/** `-dF` are two of one letter. */
function optionsIn(usage: string): readonly string[] {
  const words = Array.from(usage.matchAll(/\[(--?[A-Za-z]+)/gu), ([, word = ""]) => word);
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

test("smtpctl.8 has each command that is built", () => {
  const items = itemsOf("smtpctl.8").flatMap((item) => item.split(", "));
  const built = COMMANDS.filter(({ ask }) => ask !== undefined).map(({ words }) =>
    words.filter((word) => !/^[A-Z]+$/u.test(word) && word !== "all").join(" "),
  );
  assert.ok(built.length > 10, String(built.length));
  const missing = built.filter((command) => !items.some((item) => item.startsWith(command)));
  assert.deepEqual(missing, []);
});
