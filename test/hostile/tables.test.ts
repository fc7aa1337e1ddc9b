/** TBL-04, TBL-06: table files that people and programs break, and networks at their edges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Users } from "#base/ports/users.ts";
import { parseConfig, type ParsedConfig } from "#model/config/parse-config.ts";
import { createRouting } from "#policy/ruleset/routing.ts";

const NOBODY: Users = { lookup: async () => ({ kind: "absent" }) };
/** What takes longer than this is not linear. */
const WITHIN_MS = 5000;

/** A configuration that takes mail for the domains, or from the networks, of `table`. */
function withTable(table: string, criterion: "domains" | "networks"): ParsedConfig {
  const rule =
    criterion === "domains"
      ? 'match from any for domain <t> action "d"'
      : 'match from src <t> for any action "d"';
  const lines = [
    "compat none",
    "listen on 192.0.2.1",
    "table t file:/t",
    'action "d" maildir "/mail" user "mail"',
    rule,
  ];
  return parseConfig(
    { file: "smtpd.conf", read: (path) => (path === "/t" ? table : `${lines.join("\n")}\n`) },
    {
      serverName: "mx.test",
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
}

/** Whether mail from `address` for `domain` is taken; undefined if there is no configuration. */
async function takes(
  parsed: ParsedConfig,
  address: string,
  domain: string,
): Promise<boolean | undefined> {
  if (parsed.config === undefined) return undefined;
  const resolution = await createRouting(parsed.config, { users: NOBODY }).resolve({
    via: "tcp",
    tls: false,
    origin: {
      kind: "smtp",
      address,
      hostname: "",
      helo: "",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    reversePath: "a@b.test",
    forwardPath: `x@${domain}`,
  });
  return resolution.kind === "accepted";
}

for (const { name, table, expected } of [
  { name: "CRLF line ends", table: "one.test\r\ntwo.test\r\n", expected: true },
  { name: "no final newline", table: "one.test\ntwo.test", expected: true },
  { name: "the same key twice", table: "two.test\ntwo.test\n", expected: true },
  { name: "blank lines and comments", table: "\n\n# c\n  \n two.test \n", expected: true },
  {
    name: "a line of a megabyte before it",
    table: `${"x".repeat(1_000_000)}\ntwo.test\n`,
    expected: true,
  },
  {
    name: "a hundred thousand keys",
    table: `${"k.test\n".repeat(100_000)}two.test\n`,
    expected: true,
  },
  {
    name: "the names that objects have",
    table: "__proto__\nconstructor\ntwo.test\n",
    expected: true,
  },
  { name: "nothing in it", table: "", expected: false },
]) {
  test(`TBL-04: a table file with ${name} is read`, async () => {
    const startedMs = performance.now();
    assert.equal(await takes(withTable(table, "domains"), "192.0.2.7", "two.test"), expected);
    assert.ok(performance.now() - startedMs < WITHIN_MS);
  });
}

for (const { name, table } of [
  { name: "octets that are no text", table: "\0\x01\uFFFD\uFFFD\n\0two.test\n" },
  { name: "a byte order mark", table: "\uFEFFtwo.test\n" },
  { name: "a value behind a later key", table: "one.test\ntwo.test : x\n" },
  { name: "a hash in the middle of a key", table: "two#.test\n" },
]) {
  test(`TBL-04: a table file with ${name} is read or complained about, and takes no other's mail`, async () => {
    const parsed = withTable(table, "domains");
    assert.ok((await takes(parsed, "192.0.2.7", "other.test")) !== true);
    for (const { at, message } of parsed.complaints) {
      assert.ok(at.line > 0, "the place of the complaint");
      assert.ok(message.length < 1000);
    }
  });
}

for (const bad of [
  "1.2.3.4/33",
  "::1/129",
  "1.2.3.4/255.0.0.0",
  "1.2.3",
  "1.2.3.4/-1",
  "1.2.3.4/",
  "[::1",
  "01.2.3.4",
]) {
  test(`TBL-06: '${bad}' is no network, and a complaint with its line`, () => {
    const parsed = withTable(`# @list\n192.0.2.0/24\n${bad}\n`, "networks");
    assert.equal(parsed.config, undefined);
    assert.match(parsed.complaints[0]?.message ?? "", /network|address/);
  });
}

for (const [network, address, expected] of [
  ["0.0.0.0/0", "198.51.100.7", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "198.51.100.7", false],
  ["::ffff:1.2.3.4/120", "1.2.3.99", true],
  ["1.2.3.0/24", "::ffff:1.2.3.4", true],
  ["fe80::/10", "fe80::1%eth0", true],
  // A zone says where a packet goes, not whose address it is.
  ["fe80::1%eth0", "fe80::1%eth1", true],
  ["192.0.2.0/24", "fe80::1%eth0", false],
  ["192.0.2.0/24", "local", false],
  ["192.0.2.0/24", "", false],
] as const) {
  test(`TBL-06, REL-02: a client at '${address}' ${expected ? "is" : "is not"} of ${network}`, async () => {
    assert.equal(
      await takes(withTable(`# @list\n${network}\n`, "networks"), address, "two.test"),
      expected,
    );
  });
}
