/**
 * FWD-02, FWD-03, FWD-05: lists that lead back to themselves, that multiply, and root's;
 * patterns that would keep a backtracking engine busy for ever; formats out of range.
 *
 * Whatever a list holds, the recipient is taken, put off or refused, within a bounded
 * time, and the next one is answered as if nothing had been.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import {
  type Files,
  forwardFiles,
  queryFor,
  readConfig,
  resolutionText,
  USERS,
} from "#test/support/recipients.ts";

/** What takes longer than this is not bounded. */
const WITHIN_MS = 5000;

const RULES = `listen on socket
table aliases file:/aliases
action box maildir alias <aliases> allow-exec forward-file allow-exec
action out relay
match from any for domain x.example action box
match from local for any action out
`;

interface Lists {
  readonly aliases: string;
  readonly files?: Files;
  readonly forward?: Readonly<Record<string, string | ForwardFile>>;
}

/** What becomes of `team@x.example`, after which ann must be served as ever. */
async function expand({ aliases, files = {}, forward = {} }: Lists, user = "team") {
  const config = readConfig(RULES, { ...files, "/aliases": `${aliases}\n` });
  const routing = createRouting(config, { users: USERS, forwardFiles: forwardFiles(forward) });
  const startedMs = performance.now();
  const text = resolutionText(await routing.resolve(queryFor(`${user}@x.example`)));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
  const after = await routing.resolve(queryFor("eve@x.example"));
  assert.deepEqual(resolutionText(after), ["box eve <eve@x.example>"]);
  return text;
}

const LOOPS: readonly (Lists & { readonly name: string; readonly is: RegExp })[] = [
  { name: "an alias to itself that is no account", aliases: "team: team", is: /^rejected: / },
  { name: "two aliases to each other", aliases: "team: pool\npool: team", is: /loop|leads/ },
  {
    name: "an alias to its own address",
    aliases: "team: team@x.example",
    is: /loop|leads|rejected: /,
  },
  {
    name: "a chain of a hundred aliases",
    aliases: Array.from({ length: 100 }, (_, at) => `${at ? `l${at}` : "team"}: l${at + 1}`).join(
      "\n",
    ),
    is: /deep|levels|steps/,
  },
  {
    name: "an included file that includes itself",
    aliases: "team: :include:/list",
    files: { "/list": ":include:/list" },
    is: /loop|leads|include/,
  },
  {
    name: "forward files to each other",
    aliases: "team: ann",
    forward: { ann: "bob", bob: "ann" },
    is: /loop|leads/,
  },
];

for (const { name, is, ...lists } of LOOPS) {
  test(`FWD-02: ${name} ends`, async () => {
    const text = await expand(lists);
    assert.equal(typeof text, "string", String(text));
    assert.match(String(text), is);
  });
}

test("FWD-02: a user's own name in its list is its mailbox, with or without a backslash", async () => {
  for (const own of ["ann", "\\ann", "ann@x.example"]) {
    const text = await expand({ aliases: "team: ann", forward: { ann: `${own}, far@y.example` } });
    assert.ok(Array.isArray(text) && text.length === 2, `${own}: ${String(text)}`);
    assert.match(text[0] ?? "", /^box ann /);
  }
});

test("FWD-03: lists that double at each of thirty levels end", async () => {
  const lines = Array.from({ length: 30 }, (_, at) => `l${at}: l${at + 1}, l${at + 1}@x.example`);
  const text = await expand({ aliases: ["team: l0", ...lines].join("\n") });
  assert.equal(typeof text, "string", "nobody is left");
});

test("FWD-03: the same name a hundred thousand times is one recipient", async () => {
  const many = Array.from({ length: 100_000 }, () => "ann").join(", ");
  const text = await expand({ aliases: "team: :include:/list", files: { "/list": many } });
  assert.equal(text.length, 1);
});

test("FWD-03: a hundred thousand recipients are taken, one more is put off", async () => {
  const list = Array.from({ length: 100_000 }, (_, at) => `u${at}@y.example`).join("\n");
  const lists = { aliases: "team: :include:/list", files: { "/list": list } };
  assert.equal((await expand(lists)).length, 100_000);
  const text = await expand({ ...lists, files: { "/list": `${list}\none@y.example` } });
  assert.match(String(text), /^unavailable: .*too many entries/);
});

test("FWD-03: a thousand files that include each other end", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [`/f${at}`, `:include:/f${(at + 1) % 1000}, ann`]),
  );
  const text = await expand({ aliases: "team: :include:/f0", files });
  assert.ok(typeof text === "string" || text.length === 1, String(text));
});

test("FWD-03: more entries than a forward file may have put the recipient off", async () => {
  const many = Array.from({ length: 101 }, (_, at) => `u${at}@y.example`).join(",");
  const text = await expand({ aliases: "team: ann", forward: { ann: many } });
  assert.match(String(text), /^unavailable: /);
});

test("FWD-05: root's forward file is not so much as asked for, whatever is allowed", async () => {
  const config = readConfig(RULES, { "/aliases": "admin: root\n" });
  const asked: string[] = [];
  const files: ForwardFiles = {
    read(_, user) {
      asked.push(user);
      return { kind: "found", text: "|/bin/sh, :include:/etc/shadow, /etc/passwd" };
    },
  };
  const routing = createRouting(config, { users: USERS, forwardFiles: files });
  for (const name of ["root", "ROOT", "root+x", "admin"]) {
    const text = resolutionText(await routing.resolve(queryFor(`${name}@x.example`)));
    assert.match(String(text), /^rejected: /, name);
  }
  assert.deepEqual(asked, []);
});

test("FWD-05: an include in a forward file is passed over: nothing is read for a user", async () => {
  const files = { "/etc/shadow": "hash@y.example" };
  const text = await expand({
    aliases: "team: ann",
    files,
    forward: { ann: ":include:/etc/shadow" },
  });
  assert.doesNotMatch(String(text), /hash/);
});

// Patterns and formats.

function parse(...lines: readonly string[]): { config: Config | undefined; told: string } {
  const text = ["compat none", "listen on socket", ...lines, ""].join("\n");
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read: () => text },
    {
      serverName: "mx.example",
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
      checkRegex,
      checkRegexTable,
    },
  );
  return { config, told: complaints.map(formatComplaint).join("\n") };
}

test("patterns that backtrack decide about the longest addresses within a moment", async () => {
  const patterns = ["(a+)+$", "(a*)*b", "^(a|a?)+$", "(.*)(.*)(.*)(.*)(.*)[^a]$", "(x+x+)+y"];
  const list = patterns.map((pattern) => `'${pattern}'`).join(", ");
  const { config, told } = parse(
    "action out relay",
    `match from any !rcpt-to regex { ${list} } for any reject`,
    `match from any mail-from regex { ${list} } for any reject`,
    "match from any for any action out",
  );
  assert.ok(config, told);
  const routing = createRouting(config, { users: USERS });
  const startedMs = performance.now();
  for (const letters of ["a".repeat(64), "x".repeat(64), `${"a".repeat(63)}!`])
    await routing.resolve(queryFor(`${letters}@${"a".repeat(63)}.${"x".repeat(63)}.example`));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
});

test("formats out of range are complaints, or failures of the recipient, never another path", () => {
  for (const range of ["[9:1]", "[-1:-9]", "[1", "[1:]]", "[x]", "[99999999999]", "[]"]) {
    const { config, told } = parse(
      `action box maildir "/mail/%{dest.user${range}}" user mail`,
      "match from any for any action box",
    );
    assert.equal(config, undefined, range);
    assert.match(told, /^smtpd\.conf:3:20: /u, range);
  }
});
