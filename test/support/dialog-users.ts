/**
 * Who may authenticate in a dialog: ann with the password "right", bob with "pencil", as
 * far as the setting `auth-table` has them (hashes, verifiers: all by SCRAM, gone), and with a
 * token where `oauth` is set. Ann may
 * send as ann@client.example and from anywhere in ann.example.
 */
import { pbkdf2Sync } from "node:crypto";
import { ABSENT } from "#base/lookup.ts";
import type { Http } from "#base/ports/http.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import { formatScramVerifier, scramVerifier } from "#protocols/sasl/scram-verifier.ts";
import type { Authenticator, SenderRules } from "#model/authentication.ts";
import type { Listener } from "#model/config/listener.ts";
import type { OAuth } from "#model/config/oauth.ts";
import type { Table } from "#model/config/table.ts";
import { senderRules } from "#policy/tables/sender-rules.ts";
import { Tables } from "#policy/tables/tables.ts";
import { Credentials, type CredentialsTable } from "#engine/auth/credentials.ts";
import { TokenCheck } from "#engine/auth/token-check.ts";
import { simHash, SimPasswordHashing } from "#world/sim/password-hashing.ts";

const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const verifierOf = (password: string): string =>
  formatScramVerifier(scramVerifier(pbkdf2Sync(password, SALT, 4096, 32, "sha256"), SALT, 4096));

const ENTRIES: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  hashes: new Map([
    ["ann", simHash("right")],
    ["bob", verifierOf("pencil")],
  ]),
  verifiers: new Map([
    ["ann", verifierOf("right")],
    ["bob", verifierOf("pencil")],
  ]),
};

function table(name: string, entries: ReadonlyMap<string, string>): Table {
  const at = { file: "smtpd.conf", line: 1, column: 1 };
  return { at, name, source: { kind: "inline" }, shape: "mapping", entries };
}

const NO_SYSTEM_PASSWORDS: SystemPasswords = { check: async () => "unavailable" };

export const SENDERS: NonNullable<Listener["senders"]> = {
  table: table("senders", new Map([["ann", "ann@client.example, @ann.example"]])),
  masquerade: false,
};

/** Knows a token of ann, "good", and of nobody else; "late" has nobody say in time. */
const ISSUER: OAuth = {
  at: { file: "smtpd.conf", line: 1, column: 1 },
  places: {},
  name: "corp",
  url: "https://id.example/introspect",
  client: undefined,
  scope: "smtp",
  claim: undefined,
  ca: undefined,
};

const NO_GET: Http["get"] = async () => ({ kind: "fault", why: "nobody" });

const introspect: Http["post"] = async ({ body }) => {
  const token = new URLSearchParams(Buffer.from(body).toString()).get("token") ?? "";
  if (token === "late") return { kind: "fault", why: "no answer in time" };
  const isGood = token.startsWith("good");
  const answer = isGood ? { active: true, username: "ann", scope: "smtp" } : { active: false };
  return { kind: "answer", body: Buffer.from(JSON.stringify(answer)) };
};

function tokens(clock: Clock): TokenCheck {
  const { name, url, scope, claim } = ISSUER;
  const nobody = { authorization: undefined, authorities: undefined };
  const issuer = { name, url, ...nobody, demands: { scope, claim } };
  return new TokenCheck({ clock, http: { post: introspect, get: NO_GET } }, issuer);
}

export function dialogAuth(settings: ReadonlyMap<string, string>): Listener["auth"] {
  const mode = settings.get("auth");
  if (mode !== "required" && mode !== "optional") return { mode: "none" };
  const scram = settings.get("auth-table") === "verifiers";
  const passwords = { kind: "table", table: table("users", new Map()), scram } as const;
  return { mode, passwords, oauth: settings.has("oauth") ? ISSUER : undefined };
}

export function dialogAuthenticator(clock: Clock, which = "hashes"): Authenticator {
  const entries = ENTRIES[which];
  const users: CredentialsTable = {
    name: "users",
    lookup(user) {
      if (entries === undefined) return { kind: "unavailable", cause: new Error("it is gone") };
      const value = entries.get(user.toLowerCase());
      return value === undefined ? ABSENT : { kind: "found", entry: user.toLowerCase(), value };
    },
    entries: [...(entries ?? [])],
  };
  const ports = {
    clock,
    hashing: new SimPasswordHashing(),
    observe: () => undefined,
    systemPasswords: NO_SYSTEM_PASSWORDS,
  };
  const sources = {
    table: (name: string) => (name === "users" ? users : undefined),
    oauth: (name: string) => (name === ISSUER.name ? tokens(clock) : undefined),
  };
  return new Credentials(ports, sources);
}

export function dialogSenders(): SenderRules {
  return senderRules(new Tables(new Map([["senders", SENDERS.table]]), { delimiter: "+" }), "+");
}
