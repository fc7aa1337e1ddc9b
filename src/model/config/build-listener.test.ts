/** What `listen on` opens, on a machine with a few interfaces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import { parsedText } from "#test/support/config-of.ts";
import { formatComplaint } from "./complaint.ts";
import type { BuildContext } from "./config-source.ts";
import { credentialsOf, type Listener } from "./listener.ts";
import type { ParsedConfig } from "./parse-config.ts";

const MACHINE: Partial<BuildContext> = {
  serverName: "mx.example.org",
  interfaces: new Map([
    ["lo", ["127.0.0.1", "::1"]],
    ["eth0", ["192.0.2.25", "2001:db8::25", "fe80::25%eth0"]],
    ["tun0", ["10.0.0.1"]],
  ]),
  egress: ["eth0"],
};

const DECLARED = `
pki mail cert "/c" key "/k"
pki "*" cert "/c" key "/k"
ca clients cert "/ca"
table users { "alice" = "alice:$6$hash" }
filter one proc-exec "one"
filter two proc-exec "two"
filter both chain { one, two }
action a relay
match for any action a
`;

function parse(lines: string, changes: Partial<BuildContext> = {}): ParsedConfig {
  return parsedText(`${lines}\n${DECLARED}`, { machine: { ...MACHINE, ...changes } });
}

function listeners(lines: string, changes: Partial<BuildContext> = {}): readonly Listener[] {
  const { config, complaints } = parse(`compat none\n${lines}`, changes);
  assert.ok(config, complaints.map(formatComplaint).join("\n"));
  return config.listeners;
}

function only(lines: string): Listener {
  const [listener, ...others] = listeners(lines);
  assert.ok(listener !== undefined && others.length === 0, `not one listener: ${lines}`);
  return listener;
}

function filterNames(options: string): readonly string[] {
  return only(`listen on 10.0.0.1 ${options}`).filters.map(({ name }) => name);
}

const targets: readonly (readonly [line: string, ...endpoints: readonly string[]])[] = [
  ["listen on lo", "127.0.0.1:25", "[::1]:25"],
  ["listen on localhost", "127.0.0.1:25", "[::1]:25"],
  ["listen on eth0 inet4", "192.0.2.25:25"],
  ["listen on eth0 inet6 port 2525", "[2001:db8::25]:2525", "[fe80::25%eth0]:2525"],
  ["listen on egress inet4 port submission", "192.0.2.25:587"],
  ["listen on all inet4", "127.0.0.1:25", "192.0.2.25:25", "10.0.0.1:25"],
  ["listen on 203.0.113.1", "203.0.113.1:25"],
  ['listen on "[2001:db8::1]" port smtps', "[2001:db8::1]:465"],
  ["listen on 10.0.0.1 smtps pki mail", "10.0.0.1:465"],
  ["listen on 10.0.0.1 smtps pki mail port 4650", "10.0.0.1:4650"],
  ["listen on 10.0.0.1 port smtps tls pki mail", "10.0.0.1:465"],
  ["listen on socket", "unix:/run/enqueue.sock"],
  ['listen on socket "/run/x"', "unix:/run/x"],
];

for (const [line, ...endpoints] of targets) {
  test(`'${line}' opens ${endpoints.join(" and ")}`, () => {
    assert.deepEqual(
      listeners(line).map(({ endpoint }) => formatEndpoint(endpoint)),
      endpoints,
    );
  });
}

test("any number of sockets, each with options of its own", () => {
  const [plain, closed] = listeners(
    'listen on socket\nlisten on socket "/run/x" mode 0620 user app group web no-dsn tag APP filter one mask-src',
  );
  assert.deepEqual(
    [plain?.socketMode, plain?.socketUser, plain?.socketGroup, plain?.noDsn],
    [0o666, undefined, undefined, false],
  );
  assert.deepEqual(
    [closed?.socketMode, closed?.socketUser, closed?.socketGroup, closed?.noDsn],
    [0o620, "app", "web", true],
  );
  assert.deepEqual(
    [closed?.tag, closed?.maskSource, closed?.filters.map(({ name }) => name)],
    ["APP", true, ["one"]],
  );
});

test("options of TLS mean the same behind 'tls' and by themselves, in any order", () => {
  const lines = [
    'tls verify ciphers compat curves X25519 protocols "tlsv1.3" pki mail pki "*" ca clients',
    'ca clients pki MAIL protocols "tlsv1.3" curves X25519 pki "*" ciphers compat tls verify',
  ];
  const [one, other] = lines.map((options) => only(`listen on 10.0.0.1 ${options}`).tls);
  assert.ok(one !== undefined && one.mode !== "none", "a listener without TLS");
  assert.deepEqual(one, other);
  assert.deepEqual(
    [one.mode, one.verify, one.pkis.map(({ name }) => name), one.ca?.name],
    ["starttls", true, ["mail", "*"], "clients"],
  );
  assert.deepEqual(one.settings, {
    ciphers: { kind: "level", level: "compat" },
    curves: ["X25519"],
    protocols: ["tlsv1.3"],
  });
});

test("'auth' may be followed by a table, and by options of ours", () => {
  const system = only("listen on 10.0.0.1 tls-require pki mail auth curves X25519");
  assert.deepEqual(system.auth, {
    mode: "required",
    passwords: { kind: "system" },
    oauth: undefined,
  });
  const users = only("listen on 10.0.0.1 tls pki mail auth-optional <users> tag X");
  assert.ok(users.auth.mode === "optional", users.auth.mode);
  assert.equal(credentialsOf(users.auth)?.name, "users");
});

test("filters of a listener are the one named, or a chain without a name", () => {
  assert.deepEqual(filterNames("filter both"), ["both"]);
  assert.deepEqual(filterNames("filter { two, one }"), ["two", "one"]);
  assert.deepEqual(filterNames("filter { two\none }"), ["two", "one"]);
  assert.deepEqual(filterNames(""), []);
});

test("host names are asked for under compat alone, and known once they have addresses", () => {
  const lines = "listen on mail.example.org\nlisten on lo\nlisten on egress\nlisten on 192.0.2.1";
  assert.deepEqual(parse(lines).hostNames, []);
  assert.deepEqual(parse(lines, { compat: "opensmtpd" }).hostNames, ["mail.example.org"]);
  assert.deepEqual(parse(`${lines}\ncompat opensmtpd`).hostNames, ["mail.example.org"]);
  const known = new Map([["mail.example.org", ["203.0.113.9"]]]);
  const { config, hostNames } = parse(lines, { compat: "opensmtpd", hostAddresses: known });
  assert.deepEqual(hostNames, []);
  assert.ok(
    config?.listeners.some(({ endpoint }) => formatEndpoint(endpoint) === "203.0.113.9:25"),
  );
});

const complaints: readonly (readonly [
  why: string,
  changes: Partial<BuildContext>,
  text: RegExp,
])[] = [
  ["nobody knows the routes", { egress: undefined }, /cannot tell which interfaces/u],
  ["there is no default route", { egress: [] }, /no interface has a default route/u],
  ["its interface has no address", { egress: ["ppp0"] }, /no interface has a default route/u],
];

for (const [why, changes, text] of complaints) {
  test(`'listen on egress' is a complaint where ${why}`, () => {
    const parsed = parse("listen on egress", changes);
    assert.equal(parsed.config, undefined);
    assert.match(parsed.complaints.map(({ message }) => message).join("\n"), text);
  });
}

test("name that has no address is a complaint under compat", () => {
  const { config, complaints: told } = parse("listen on mail.example.org", { compat: "opensmtpd" });
  assert.equal(config, undefined);
  assert.match(told[0]?.hint ?? "", /the name has no address/u);
});
