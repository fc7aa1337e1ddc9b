import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePasswdFile } from "./passwd-file.ts";

test("passwd file is its users, each with the rest of the line", () => {
  const text = `# users
ann:$2b$10$abc
  bob:$6$x$y:1000:1000:Bob, of sales:/home/bob:/bin/sh

cy@example.org:{BLF-CRYPT}$2y$z:5000:5000::/srv/mail/cy::userdb_mail=maildir:~/Mail
dan::1003:1003::/home/dan:
`;
  assert.deepEqual(parsePasswdFile(text), {
    kind: "table",
    shape: "mapping",
    entries: [
      { key: "ann", value: "$2b$10$abc", line: 2 },
      { key: "bob", value: "$6$x$y:1000:1000:Bob, of sales:/home/bob:/bin/sh", line: 3 },
      {
        key: "cy@example.org",
        value: "{BLF-CRYPT}$2y$z:5000:5000::/srv/mail/cy::userdb_mail=maildir:~/Mail",
        line: 5,
      },
      { key: "dan", value: ":1003:1003::/home/dan:", line: 6 },
    ],
  });
});

test("first line about a user counts", () => {
  const result = parsePasswdFile("ann:one\nann:two\n");
  assert.deepEqual(result.kind === "table" && result.entries, [
    { key: "ann", value: "one", line: 1 },
  ]);
});

const FAULTS: readonly (readonly [line: string, reason: string])[] = [
  ["ann", "a user and a hash are needed"],
  [":x", "the user's name"],
  ["ann smith:x", "the user's name"],
  ["ann:x:me:1", "the uid is no number"],
  ["ann:x:1:-1", "the gid is no number"],
  ["ann:x:1:1::home", "the home is not absolute"],
];

for (const [line, reason] of FAULTS) {
  test(`passwd line '${line}' is refused, with its number`, () => {
    const fault = { kind: "table-fault", line: 2, reason: `invalid passwd entry: ${reason}` };
    assert.deepEqual(parsePasswdFile(`\n${line}\n`), fault);
  });
}
