import assert from "node:assert/strict";
import { test } from "node:test";
import { readManualPage } from "#test/support/manual-page.ts";
import { expectedAfter, type Grammar, manualFaults } from "./check-manual.ts";

const GRAMMAR: Grammar = {
  words: new Set(["tag", "tls", "tls-require", "mode", "quit"]),
  bySection: new Map([["LISTENER OPTIONS", new Set(["tag", "tls", "tls-require", "mode"])]]),
};

const GOOD = `# smtpd.conf(5)

## LISTENER OPTIONS

### \`tag\` *word*

Mark sessions.

Default: none.

\`\`\`smtpd.conf fragment
listen on eth0 tag WORLD
\`\`\`

### \`tls\`, \`tls-require\`

Offer TLS.

Default: no TLS.

\`\`\`smtpd.conf fragment
listen on 192.0.2.1 tls
listen on 192.0.2.2 tls-require
\`\`\`

### \`mode\`

Permissions. Not in OpenSMTPD.

Default: 0666.

\`\`\`smtpd.conf fragment
listen on socket mode 0660
\`\`\`

## RESERVED WORDS

These have no use: \`quit\`.
`;

function faults(change: (page: string) => string): readonly string[] {
  return manualFaults(readManualPage(change(GOOD)), GRAMMAR);
}

test("manual check accepts a page that has all words of the grammar", () => {
  assert.deepEqual(
    faults((page) => page),
    [],
  );
});

const CASES: readonly (readonly [what: string, old: string, now: string, ...faults: string[]])[] = [
  ["a word without an entry", "`quit`", "nothing", "'quit' has no entry"],
  [
    "an entry that is in another section",
    "### `tls`, `tls-require`",
    "## RULES\n\n### `tls`, `tls-require`",
    "LISTENER OPTIONS: 'tls' has no entry there",
    "LISTENER OPTIONS: 'tls-require' has no entry there",
    "LISTENER OPTIONS: 'mode' has no entry there",
  ],
  [
    "a word that the grammar does not have",
    "`tag`",
    "`tag` [`brag`]",
    "LISTENER OPTIONS: tag [brag] word: 'brag' is not in the grammar",
    "LISTENER OPTIONS: tag [brag] word: its example does not use 'brag'",
  ],
  [
    "an entry without a default",
    "Default: none.",
    "None.",
    "LISTENER OPTIONS: tag word: has no default",
  ],
  [
    "an entry without an example",
    "```smtpd.conf fragment\nlisten on eth0 tag WORLD\n```",
    "",
    "LISTENER OPTIONS: tag word: has no example",
  ],
  [
    "an example that uses only a longer word",
    "listen on 192.0.2.1 tls\n",
    "",
    "LISTENER OPTIONS: tls, tls-require: its example does not use 'tls'",
  ],
  [
    "an option of ours that is not said to be",
    " Not in OpenSMTPD.",
    "",
    "LISTENER OPTIONS: mode: 'mode' is not said to be ours",
  ],
  [
    "a reserved word that has a use",
    "`quit`",
    "`quit`, `tag`",
    "'tag' is not a reserved word without a use",
  ],
];

for (const [what, old, now, ...expected] of CASES) {
  test(`manual check names ${what}`, () => {
    assert.ok(GOOD.includes(old), old);
    assert.deepEqual(
      faults((page) => page.replace(old, now)),
      expected,
    );
  });
}

test("parser says which words it expects behind a line", () => {
  assert.deepEqual(expectedAfter("match for"), ["any", "local", "domain", "rcpt-to"]);
  assert.throws(() => expectedAfter("admd"), Error);
});
