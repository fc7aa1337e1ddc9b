import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config/config.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { deserialiseConfig, serialiseConfig } from "#model/config/serialise.ts";
import type { Table } from "#model/config/table.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import { configSlice } from "./config-slice.ts";
import { ROLES, type Role } from "./roles.ts";

const ALL_ROLES = Object.keys(ROLES) as Role[];

const FILES: Readonly<Record<string, string>> = {
  "/etc/mail/users":
    "ann:HASH-OF-USERBASE:1001:1001:Ann:/v/ann:/bin/sh:EXTRA-OF-USERBASE\n" +
    "bea:HASH-WITHOUT-ACCOUNT\n",
  "/etc/mail/logins": "carl:HASH-OF-LOGINS\n",
  "/etc/mail/list": "TEXT-OF-INCLUDE\n",
  "/etc/mail/oauth": "SECRET-OF-OAUTH\n",
};

/** Every place of a configuration that has a word for the few, in capitals. */
const LINES: readonly string[] = [
  'table logins "passwd:/etc/mail/logins"',
  'table users "passwd:/etc/mail/users"',
  'table relays { hub = "postrider:PASSWORD-OF-RELAY" }',
  'table plain { "login" = "login:HASH-OF-LISTENER" }',
  'table unused { "x" = "VALUE-OF-UNUSED" }',
  'table aliases { info = "alias-of-info, :include:/etc/mail/list" }',
  'queue encryption "KEY-OF-THE-QUEUE-IS-32-LETTERS.."',
  'srs key "KEY-OF-SRS"',
  'srs key backup "BACKUP-OF-SRS"',
  'pki p cert "/etc/ssl/p.crt"',
  'pki p key "/etc/ssl/p.key"',
  'mda wrapper w "wrap-command %{mda}"',
  'proc checker "check-command"',
  'filter f proc "checker"',
  "listen on 127.0.0.1 port 2525 tls pki p auth <plain> filter f",
  "listen on 127.0.0.1 port 2526 tls pki p auth <logins>",
  "listen on 127.0.0.1 port 2527 tls pki p auth <users>",
  'oauth corp introspect "https://id.example/" client "OUR-NAME" secret "/etc/mail/oauth" scope "SCOPE-OF-MAIL"',
  "listen on 127.0.0.1 port 2528 tls pki p auth oauth corp",
  'action "local" maildir alias <aliases> userbase <users>',
  'action "out" relay host "smtp+tls://hub@relay.example.org" auth <relays> srs',
  'match from auth <plain> for any action "out"',
  'match from any for domain "home.example.org" action "local"',
];

function configWith(lines: readonly string[]): Config {
  const texts: Readonly<Record<string, string>> = {
    ...FILES,
    "smtpd.conf": `${lines.join("\n")}\n`,
  };
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read: (path) => texts[path] ?? "" },
    {
      serverName: "mail.example.org",
      interfaces: new Map([["lo", ["127.0.0.1"]]]),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.ok(config !== undefined, JSON.stringify(complaints));
  return config;
}

const CONFIG = configWith(LINES);

function sliceOf(role: Role): Config {
  return deserialiseConfig(serialiseConfig(configSlice(CONFIG, role)));
}

function knowersOf(word: string): readonly Role[] {
  return ALL_ROLES.filter((role) => {
    const bytes = Buffer.from(serialiseConfig(configSlice(CONFIG, role)));
    return bytes.includes(word, 0, "latin1") || bytes.includes(word, 0, "utf16le");
  });
}

interface Known {
  readonly word: string;
  readonly to: readonly Role[];
}

const KNOWN: readonly Known[] = [
  { word: "HASH-OF-USERBASE", to: ["lookup"] },
  { word: "HASH-WITHOUT-ACCOUNT", to: ["lookup"] },
  { word: "EXTRA-OF-USERBASE", to: ["lookup"] },
  { word: "HASH-OF-LOGINS", to: ["lookup"] },
  { word: "HASH-OF-LISTENER", to: ["lookup"] },
  { word: "PASSWORD-OF-RELAY", to: ["lookup"] },
  // It travels beside the configuration (parent.ts).
  { word: "KEY-OF-THE-QUEUE", to: [] },
  { word: "SECRET-OF-OAUTH", to: ["lookup"] },
  { word: "OUR-NAME", to: ["lookup"] },
  { word: "https://id.example/", to: ["lookup"] },
  { word: "SCOPE-OF-MAIL", to: ["dispatcher", "lookup"] },
  { word: "KEY-OF-SRS", to: ["dispatcher"] },
  { word: "BACKUP-OF-SRS", to: ["dispatcher"] },
  { word: "VALUE-OF-UNUSED", to: [] },
  { word: "TEXT-OF-INCLUDE", to: ["dispatcher", "queue"] },
  { word: "alias-of-info", to: ["dispatcher", "queue"] },
  { word: "/v/ann", to: ["dispatcher", "queue", "lookup"] },
  { word: "relay.example.org", to: ["dispatcher", "queue"] },
  { word: "home.example.org", to: ["dispatcher", "queue"] },
  { word: "check-command", to: ["dispatcher"] },
  { word: "wrap-command", to: [] },
  { word: "/etc/ssl/p.key", to: ["dispatcher"] },
];

for (const { word, to } of KNOWN) {
  const knowers = to.length === 0 ? "nobody" : `${to.join(" and ")} alone`;
  test(`${word} is in the bytes for ${knowers}`, () => {
    const whole = Buffer.from(serialiseConfig(CONFIG));
    assert.ok(whole.includes(word), "the parent has it");
    assert.deepEqual(knowersOf(word), to);
  });
}

test("a dispatcher finds users in a table of passwords, and no password", () => {
  const users = tableOf(sliceOf("dispatcher"), "users");
  const settings = { delimiter: "+" };
  assert.deepEqual(compileTable(users, "userinfo", settings)("ann"), {
    kind: "found",
    value: "1001:1001:/v/ann",
    entry: "ann",
  });
  assert.deepEqual(compileTable(users, "credentials", settings)("ann"), { kind: "absent" });
  assert.deepEqual(compileTable(users, "userinfo", settings)("bea"), { kind: "absent" });
});

test("of a table that a rule compares names with, and that holds their passwords, a dispatcher has the names", () => {
  assert.deepEqual([...tableOf(sliceOf("dispatcher"), "plain").entries], [["login", ""]]);
});

test("a table is the same object wherever a slice has it", () => {
  const { tables, actions, rules } = sliceOf("dispatcher");
  const local = actions.get("local");
  assert.ok(local?.kind === "maildir");
  assert.equal(local.userbase, tables.get("users"));
  assert.equal(local.aliases?.table, tables.get("aliases"));
  assert.equal(rules[1]?.action, local);
});

test("an agent has its own actions with empty tables, and control has nothing of either", () => {
  const { actions, rules, tables } = sliceOf("agent");
  assert.deepEqual([[...actions.keys()], rules, tables.size], [["local"], [], 0]);
  const local = actions.get("local");
  assert.ok(local?.kind === "maildir");
  assert.equal(local.userbase?.entries.size, 0);
  assert.equal(sliceOf("control").actions.size, 0);
});

test("local has the sockets of this machine, and of them where they are", () => {
  const config = configWith([
    ...LINES,
    'listen on socket "/run/in.sock" auth <plain> senders <aliases> tag "TAG-OF-SOCKET" filter f',
  ]);
  const { listeners, ...others } = deserialiseConfig(serialiseConfig(configSlice(config, "local")));
  assert.deepEqual(
    listeners.map(({ endpoint, auth, senders, tag, filters }) => [
      endpoint,
      auth.mode,
      senders,
      tag,
      filters,
    ]),
    [[{ kind: "unix", path: "/run/in.sock" }, "none", undefined, "", []]],
  );
  assert.deepEqual([others.tables.size, others.rules, others.actions.size], [0, [], 0]);
});

test("the configuration that is sliced stays as it was", () => {
  const before = serialiseConfig(CONFIG);
  for (const role of ALL_ROLES) configSlice(CONFIG, role);
  assert.deepEqual(serialiseConfig(CONFIG), before);
});

function tableOf({ tables }: Config, name: string): Table {
  const table = tables.get(name);
  assert.ok(table !== undefined, name);
  return table;
}
