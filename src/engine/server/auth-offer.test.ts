import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsFacts } from "#base/ports/tls.ts";
import type { Listener } from "#model/config/listener.ts";
import type { OAuth } from "#model/config/oauth.ts";
import type { Table } from "#model/config/table.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { authRules } from "./auth-offer.ts";

const TABLE: Table = {
  at: { file: "smtpd.conf", line: 1, column: 1 },
  name: "logins",
  source: { kind: "inline" },
  shape: "mapping",
  entries: new Map(),
};
const OAUTH: OAuth = {
  at: TABLE.at,
  places: {},
  name: "corp",
  url: "",
  client: undefined,
  scope: "smtp",
  claim: undefined,
  ca: undefined,
};
const TLS13: TlsFacts = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  bits: 256,
  group: undefined,
  serverName: undefined,
  identity: "",
  resumed: false,
  peer: undefined,
  exporter: () => new Uint8Array(32),
};
const TLS12: TlsFacts = { ...TLS13, version: "TLSv1.2", exporter: () => undefined };
const KNOWN: TlsFacts = {
  ...TLS13,
  peer: {
    verified: false,
    why: "",
    fingerprint: "SHA256:a",
    keyFingerprint: "",
    names: [],
    chain: () => [],
  },
};

function listener(auth: Listener["auth"]): Listener {
  return listenerAt({ kind: "tcp", host: "192.0.2.1", port: 25 }, { auth });
}

function offered(auth: Listener["auth"], protection: Parameters<typeof authRules>[1]): string {
  return authRules(listener(auth), protection, "").mechanisms.join(" ");
}

test("nothing is offered in the clear, and more the more there is to lean on", () => {
  const passwords = { kind: "table", table: TABLE, scram: false } as const;
  const hashes = { mode: "optional", passwords, oauth: undefined } as const;
  const verifiers = { ...hashes, passwords: { ...passwords, scram: true } };
  const system = { ...hashes, passwords: { kind: "system" } } as const;
  const both = { ...hashes, oauth: OAUTH };
  const tokens = { ...both, passwords: { kind: "none" } } as const;
  for (const [auth, protection, mechanisms] of [
    [verifiers, "none", ""],
    [hashes, "local", "PLAIN LOGIN"],
    [verifiers, "local", "SCRAM-SHA-256 PLAIN LOGIN"],
    [hashes, TLS13, "PLAIN LOGIN"],
    [verifiers, TLS12, "SCRAM-SHA-256 PLAIN LOGIN"],
    [verifiers, TLS13, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"],
    [hashes, KNOWN, "EXTERNAL PLAIN LOGIN"],
    [system, KNOWN, "PLAIN LOGIN"],
    [both, "none", ""],
    [both, "local", "OAUTHBEARER XOAUTH2 PLAIN LOGIN"],
    [tokens, "none", ""],
    [tokens, KNOWN, "OAUTHBEARER XOAUTH2"],
    [{ mode: "none" }, TLS13, ""],
  ] as const) {
    assert.equal(offered(auth, protection), mechanisms);
  }
});

test("where it is required it is so in the clear too", () => {
  const passwords = { kind: "table", table: TABLE, scram: false } as const;
  const auth = { mode: "required", passwords, oauth: undefined } as const;
  assert.equal(authRules(listener(auth), "none", "").isRequired, true);
  assert.equal(authRules(listener({ ...auth, mode: "optional" }), "none", "").isRequired, false);
});
