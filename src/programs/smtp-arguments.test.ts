import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSmtpArguments, type SmtpArguments } from "./smtp-arguments.ts";

const DEFAULTS: SmtpArguments = {
  kind: "arguments",
  server: "localhost",
  from: undefined,
  helo: undefined,
  authFile: undefined,
  tls: {
    caFile: undefined,
    ciphers: undefined,
    protocols: undefined,
    serverName: undefined,
    sni: true,
    verify: true,
  },
  isDryRun: false,
  isVerbose: false,
  recipients: [],
};

const CASES: readonly (readonly [words: string, expected: Partial<SmtpArguments>])[] = [
  ["", {}],
  ["a@x b@y", { recipients: ["a@x", "b@y"] }],
  ["-s host a", { server: "host", recipients: ["a"] }],
  ["-shost -F me -H here a", { server: "host", from: "me", helo: "here", recipients: ["a"] }],
  ["-nv", { isDryRun: true, isVerbose: true }],
  ["-vv -ns host", { isDryRun: true, isVerbose: true, server: "host" }],
  ["-- -a", { recipients: ["-a"] }],
  ["a -n", { recipients: ["a", "-n"] }],
  ["-a file -", { authFile: "file", recipients: ["-"] }],
  ["-C", { tls: { ...DEFAULTS.tls, verify: false } }],
  ["-S sni", { tls: { ...DEFAULTS.tls, serverName: "sni" } }],
  [
    "-T cafile=f,ciphers=c:d,nosni,noverify,protocols=p,servername=s",
    {
      tls: {
        caFile: "f",
        ciphers: "c:d",
        protocols: "p",
        serverName: "s",
        sni: false,
        verify: false,
      },
    },
  ],
];

for (const [words, expected] of CASES) {
  test(`smtp arguments read '${words}'`, () => {
    const parsed = parseSmtpArguments(words.split(" ").filter(Boolean));
    assert.deepEqual(parsed, { ...DEFAULTS, ...expected });
  });
}

for (const [words, message] of [
  ["-x", "unknown option -- x"],
  ["-s", "option requires an argument -- s"],
  ["-T frob", "invalid TLS parameter: frob"],
  ["-T ciphers=", "invalid TLS parameter: ciphers="],
  ["-T noverify=1", "invalid TLS parameter: noverify=1"],
] as const) {
  test(`smtp arguments complain about '${words}'`, () => {
    assert.deepEqual(parseSmtpArguments(words.split(" ")), { kind: "wrong", message });
  });
}

test("smtp arguments ask for help with -h, whatever follows", () => {
  assert.deepEqual(parseSmtpArguments(["-nh", "-x"]), { kind: "help" });
});
