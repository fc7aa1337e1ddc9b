/** What is printed reads back as the same configuration, whatever texts it holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatComplaint } from "./complaint.ts";
import type { Config } from "./config.ts";
import { parseConfig } from "./parse-config.ts";
import { printConfig } from "./print-config.ts";
import { deserialiseConfig, serialiseConfig } from "./serialise.ts";

function read(text: string): Config | string {
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read: () => text },
    {
      serverName: "mx.example.org",
      interfaces: new Map([["lo", ["127.0.0.1", "::1"]]]),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  return config ?? complaints.map(formatComplaint).join("\n");
}

/** Everything but where it was written. */
function meaning(config: Config): unknown {
  const text = serialiseConfig(config);
  return JSON.parse(text, (key, value: unknown) => (key === "at" ? undefined : value));
}

/** A text as it may stand in a file: bare, or in quotes with their escapes. */
const quotedText = fc
  .array(
    fc.constantFrom(
      "a",
      "Z",
      "9",
      ".",
      " ",
      "\t",
      "\\x",
      '\\"',
      "\\ ",
      "\\\\ ",
      "'",
      "#",
      "{",
      "}",
      "=>",
      ",",
      "$n",
      "é",
      "%%",
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => `"x${parts.join("")}."`);
const bareText = fc
  .stringMatching(/^[a-z][a-z0-9.:;@~*+"'\\-]{0,8}[a-z]$/u)
  .map((text) => `q${text}`);
const text = fc.oneof(
  quotedText,
  bareText,
  fc.constantFrom("bare\\\\", '"10/8"', '"25"', '"listen"'),
);
const items = fc.oneof(
  fc.array(text, { minLength: 1, maxLength: 4 }).map((list) => `{ ${list.join(", ")} }`),
  text,
);
const not = fc.constantFrom("", "!", "! ");
const ttl = fc.constantFrom("", " ttl 90s", " ttl 3d");
const user = fc.constantFrom("", " user vmail");
const method = fc.oneof(
  fc.tuple(text, user).map(([path, who]) => `maildir ${path}${who}`),
  user.map((who) => `lmtp "/run/l m" rcpt-to${who}`),
  fc.constantFrom(
    "maildir",
    'lmtp "[::1]:24"',
    "relay",
    'relay host { mx.example, "lmtp://[::1]:24" } helo h',
  ),
);
const from = fc.constantFrom(
  "",
  "from any ",
  "from local ",
  "from socket ",
  "from src { ::1, 10.0.0.0/8 } ",
);
const forWhom = fc.oneof(
  fc.constantFrom("", "for any ", "for local ", "for domain <t> ", "for domain <localnames> "),
  items.map((list) => `for domain ${list} `),
);

const configText = fc
  .record({
    table: items,
    method,
    ttl,
    tag: text,
    mode: fc.constantFrom("", " mode 0600", " mode 777"),
    rules: fc.array(fc.tuple(not, from, not, forWhom), { minLength: 1, maxLength: 4 }),
    settings: fc.constantFrom(
      "",
      "smtp max-message-size 1.5K",
      'smtp sub-addr-delim "#"',
      "queue ttl 25h",
    ),
  })
  .map(({ table, method: how, ttl: life, tag, mode, rules, settings }) =>
    [
      `table t ${table.startsWith("{") ? table : `{ ${table} }`}`,
      `listen on socket "/run/${mode.length}.sock" tag ${tag}${mode} mask-src`,
      `listen on lo port 25 tag ${tag}`,
      settings,
      `action x ${how}${life}`,
      ...rules.map(
        ([noFrom, source, noFor, target]) =>
          `match ${target === "" ? "" : noFor}${target}${source === "" ? "" : noFrom}${source}action x`,
      ),
      "match reject",
    ].join("\n"),
  );

test("printed configuration means the same as the one that was read", () => {
  let readCount = 0;
  fc.assert(
    fc.property(configText, (original) => {
      const config = read(original);
      // A `%{` in a path may be no format; such a file has no meaning to print.
      fc.pre(typeof config !== "string");
      readCount++;
      const printed = printConfig(config);
      const again = read(printed);
      if (typeof again === "string") assert.fail(`${printed}\n${again}`);
      assert.deepEqual(meaning(again), meaning(config), printed);
      assert.equal(printConfig(again), printed);
    }),
    { numRuns: 300 },
  );
  assert.ok(readCount > 200, `only ${readCount} had a meaning`);
});

test("configuration comes out of its serialised form as it went in", () => {
  fc.assert(
    fc.property(configText, (original) => {
      const config = read(original);
      fc.pre(typeof config !== "string");
      const again = deserialiseConfig(serialiseConfig(config));
      assert.deepEqual(again, config);
      for (const rule of again.rules)
        if (rule.action !== "reject")
          assert.equal(rule.action, again.actions.get(rule.action.name));
      assert.throws(() => Object.assign(again, { rules: [] }), TypeError);
    }),
  );
});

test("serialised form that names what is not there is a bug, and throws", () => {
  const config = read("listen on lo\naction x relay\nmatch action x");
  if (typeof config === "string") assert.fail(config);
  const broken = serialiseConfig({ ...config, actions: new Map() });
  assert.throws(() => deserialiseConfig(broken), TypeError);
});
