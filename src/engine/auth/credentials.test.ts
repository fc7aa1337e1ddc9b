import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { ABSENT } from "#base/lookup.ts";
import type { Http } from "#base/ports/http.ts";
import type { SaslAnswer, SaslQuestion } from "#protocols/sasl/sasl-step.ts";
import { formatScramVerifier, scramVerifier } from "#protocols/sasl/scram-verifier.ts";
import type { Event } from "#model/events.ts";
import { SimClock } from "#world/sim/clock.ts";
import { simHash, SimPasswordHashing } from "#world/sim/password-hashing.ts";
import { Credentials, type CredentialsTable } from "./credentials.ts";
import { SOURCE_FAILURES } from "./guess-limits.ts";
import { TokenCheck } from "./token-check.ts";

const SALT = Buffer.from("0123456789abcdef");
const VERIFIER = scramVerifier(pbkdf2Sync("pencil", SALT, 4096, 32, "sha256"), SALT, 4096);
const HEX = "ab".repeat(32);

/** Credentials over tables in memory, and the work that was done. */
class Stage {
  readonly clock: SimClock = new SimClock();
  readonly hashing: SimPasswordHashing = new SimPasswordHashing();
  readonly events: Event[] = [];
  readonly tables = new Map<string, CredentialsTable>();
  readonly issuers = new Map<string, TokenCheck>();
  readonly #credentials: Credentials;

  constructor(entries: Readonly<Record<string, string>>) {
    this.tables.set("users", {
      name: "users",
      entries: Object.entries(entries),
      lookup: (key) => {
        const entry = Object.keys(entries).find((name) => name.toLowerCase() === key.toLowerCase());
        if (entry === undefined) return ABSENT;
        return { kind: "found", entry, value: entries[entry] ?? "" };
      },
    });
    this.#credentials = new Credentials(
      {
        clock: this.clock,
        hashing: this.hashing,
        observe: (event) => this.events.push(event),
        systemPasswords: {
          check: async (user, password) => {
            if (user === "gone") return "unavailable";
            return user === "sys" && password === "right" ? "accepted" : "refused";
          },
        },
      },
      { table: (name) => this.tables.get(name), oauth: (name) => this.issuers.get(name) },
    );
  }

  ask(question: SaslQuestion, address = "192.0.2.1"): Promise<SaslAnswer> {
    return this.#credentials.ask({ source: { kind: "table", name: "users" }, address, question });
  }

  /** Of the system's users. */
  system(question: SaslQuestion): Promise<SaslAnswer> {
    return this.#credentials.ask({
      source: { kind: "system" },
      address: "192.0.2.1",
      question,
    });
  }

  /** Of an issuer. */
  token(user: string, token: string, name = "corp"): Promise<SaslAnswer> {
    const question = { kind: "token", user, token } as const;
    const source = { kind: "oauth", name } as const;
    return this.#credentials.ask({ source, address: "192.0.2.1", question });
  }

  password(user: string, password: string, address?: string): Promise<SaslAnswer> {
    return this.ask({ kind: "password", user, password }, address);
  }

  get warnings(): readonly string[] {
    return this.events.map((event) => (event.kind === "warning" ? event.text : event.kind));
  }
}

test("a password that fits is accepted, under the name that the table has", async () => {
  const stage = new Stage({ Ann: simHash("right") });
  const accepted = { kind: "accepted", user: "Ann", signature: new Uint8Array() };
  assert.deepEqual(await stage.password("ann", "right"), accepted);
  assert.deepEqual(await stage.password("ANN", "right"), accepted);
  assert.deepEqual(await stage.password("ann", "wrong"), { kind: "refused" });
});

test("a user that is not there costs the same work as a wrong password", async () => {
  const stage = new Stage({ ann: simHash("right") });
  for (const user of ["ann", "nobody", "zoe"]) {
    stage.hashing.work.length = 0;
    assert.deepEqual(await stage.password(user, "guess"), { kind: "refused" });
    assert.deepEqual(stage.hashing.work, ["crypt $6$saltsalt$"], user);
  }
});

test("in a table of verifiers it costs their work, and its salt is made up, the same each time", async () => {
  const stage = new Stage({ ann: formatScramVerifier(VERIFIER) });
  await stage.password("nobody", "guess");
  await stage.password("ann", "guess");
  assert.deepEqual(stage.hashing.work, ["pbkdf2 4096", "pbkdf2 4096"]);
  const salt = async (user: string): Promise<SaslAnswer> => stage.ask({ kind: "salt", user });
  assert.deepEqual(await salt("ann"), { kind: "salt", salt: SALT, iterations: 4096 });
  const madeUp = await salt("nobody");
  assert.ok(madeUp.kind === "salt");
  assert.equal(madeUp.salt.length, SALT.length);
  assert.deepEqual(await salt("NOBODY"), madeUp);
  assert.notDeepEqual(await salt("nobody2"), madeUp);
});

test("a made-up salt is as long as those of the table", async () => {
  for (const bytes of [8, 64]) {
    const verifier = { ...VERIFIER, salt: Buffer.alloc(bytes, 7) };
    const answer = await new Stage({ ann: formatScramVerifier(verifier) }).ask({
      kind: "salt",
      user: "nobody",
    });
    assert.equal(answer.kind === "salt" && answer.salt.length, bytes);
  }
});

test("a proof is accepted with a signature, or refused", async () => {
  const stage = new Stage({ ann: formatScramVerifier(VERIFIER) });
  const authMessage = "n=ann,r=x,r=xy,s=z,i=4096,c=biws,r=xy";
  const clientKey = createHmac("sha256", pbkdf2Sync("pencil", SALT, 4096, 32, "sha256"))
    .update("Client Key")
    .digest();
  const stored = createHash("sha256").update(clientKey).digest();
  const signature = createHmac("sha256", stored).update(authMessage).digest();
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
  const answer = await stage.ask({ kind: "proof", user: "ann", authMessage, proof });
  assert.equal(answer.kind, "accepted");
  for (const question of [
    { kind: "proof", user: "ann", authMessage: `${authMessage}x`, proof },
    { kind: "proof", user: "nobody", authMessage, proof },
    { kind: "proof", user: "ann", authMessage, proof: proof.subarray(1) },
  ] as const) {
    assert.deepEqual(await stage.ask(question), { kind: "refused" });
  }
});

test("a certificate is that of the user whose entry has it", async () => {
  const stage = new Stage({ ann: `CERT-SHA256$${HEX}`, bob: simHash("right") });
  const ask = (user: string, ...fingerprints: readonly string[]): Promise<SaslAnswer> =>
    stage.ask({ kind: "certificate", user, fingerprints });
  assert.equal((await ask("ann", "SHA256:00", `SHA256:${HEX}`)).kind, "accepted");
  assert.equal((await ask("ann", "SHA256:00")).kind, "refused");
  assert.equal((await ask("ann")).kind, "refused");
  assert.equal((await ask("bob", `SHA256:${HEX}`)).kind, "refused");
  assert.equal((await stage.password("ann", `CERT-SHA256$${HEX}`)).kind, "refused");
});

test("a password in the clear lets nobody in, and the log says what to do", async () => {
  const stage = new Stage({ ann: "sesame", bob: simHash("right") });
  assert.deepEqual(await stage.password("ann", "sesame"), { kind: "refused" });
  assert.deepEqual(stage.warnings, [
    "table users: ann cannot authenticate: its password is not hashed (smtpctl encrypt makes a hash)",
  ]);
});

test("what nobody can say is unavailable", async () => {
  const stage = new Stage({
    ann: `$y$j9T$saltsalt$${"a".repeat(43)}`,
    bob: `${"b".repeat(256)}:${simHash("right")}`,
  });
  assert.deepEqual(await stage.password("ann", "right"), { kind: "unavailable" });
  assert.deepEqual(await stage.password("bob", "right"), { kind: "unavailable" });
  stage.tables.set("users", {
    name: "users",
    entries: [],
    lookup: () => ({ kind: "unavailable", cause: new Error("it is damaged") }),
  });
  assert.deepEqual(await stage.password("ann", "right"), { kind: "unavailable" });
  stage.tables.clear();
  assert.deepEqual(await stage.password("ann", "right"), { kind: "unavailable" });
  assert.deepEqual(stage.warnings, [
    "authentication: the hash of ann is of a kind that crypt(3) lacks here",
    "authentication: table users: the entry of bob has too long a name",
    "authentication: table users: it is damaged",
    'authentication: no table "users" is known here',
  ]);
});

test("who guesses is put off, even with the right password, and no work is done for it", async () => {
  const stage = new Stage({ ann: simHash("right") });
  for (let n = 0; n < SOURCE_FAILURES; n++) await stage.password("ann", `guess ${n}`);
  stage.hashing.work.length = 0;
  assert.deepEqual(await stage.password("ann", "right"), { kind: "unavailable" });
  assert.deepEqual(stage.hashing.work, []);
  assert.equal((await stage.password("ann", "right", "198.51.100.1")).kind, "accepted");
  assert.deepEqual(stage.warnings, [
    "authentication from 192.0.2.1 failed too often and is put off",
  ]);
});

test("who guesses with many connections at once is answered no more often", async () => {
  const stage = new Stage({ ann: simHash("right") });
  const guesses = Array.from({ length: 50 }, (_, n) => stage.password("ann", `guess ${n}`));
  const answers = await Promise.all(guesses);
  assert.equal(answers.filter(({ kind }) => kind === "refused").length, SOURCE_FAILURES);
  assert.equal(stage.hashing.work.length, SOURCE_FAILURES);
  const logins = Array.from({ length: 50 }, () => stage.password("ann", "right", "198.51.100.1"));
  for (const { kind } of await Promise.all(logins)) assert.equal(kind, "accepted");
});

test("users of the system are asked about elsewhere, and guessed at as slowly", async () => {
  const stage = new Stage({});
  const kind = "password";
  const accepted = { kind: "accepted", user: "sys", signature: new Uint8Array() };
  assert.deepEqual(await stage.system({ kind, user: "sys", password: "right" }), accepted);
  const gone = await stage.system({ kind, user: "gone", password: "x" });
  assert.deepEqual(gone, { kind: "unavailable" });
  assert.deepEqual(await stage.system({ kind: "salt", user: "sys" }), { kind: "refused" });
  for (let n = 1; n < SOURCE_FAILURES; n++)
    assert.deepEqual(await stage.system({ kind, user: "sys", password: "x" }), { kind: "refused" });
  const held = await stage.system({ kind, user: "sys", password: "right" });
  assert.deepEqual(held, { kind: "unavailable" });
});

const NO_GET: Http["get"] = async () => ({ kind: "fault", why: "nobody" });

const introspect: Http["post"] = async ({ body }) => {
  const token = new URLSearchParams(Buffer.from(body).toString()).get("token");
  if (token === "down") return { kind: "fault", why: "no answer in time" };
  const answer = token === "good" ? { active: true, username: "Ann" } : { active: false };
  return { kind: "answer", body: Buffer.from(JSON.stringify(answer)) };
};

/** An issuer that knows one token, `good`, of Ann, and is down for `down`. */
function issuer(clock: SimClock): TokenCheck {
  return new TokenCheck(
    { clock, http: { post: introspect, get: NO_GET } },
    {
      name: "corp",
      url: "https://id.example/",
      authorization: undefined,
      authorities: undefined,
      demands: { scope: undefined, claim: undefined },
    },
  );
}

test("a token is its user's, however its name is written, and nobody else's", async () => {
  const stage = new Stage({});
  stage.issuers.set("corp", issuer(stage.clock));
  const accepted = { kind: "accepted", user: "Ann", signature: new Uint8Array() };
  assert.deepEqual(await stage.token("ann", "good"), accepted);
  assert.deepEqual(await stage.token("", "good"), accepted);
  assert.deepEqual(await stage.token("bob", "good"), { kind: "refused" });
  assert.deepEqual(await stage.token("ann", "bad"), { kind: "refused" });
  assert.deepEqual(stage.warnings, ['authentication: a token of "Ann" was shown as that of "bob"']);
});

test("a token that nobody can judge is neither taken nor held against anybody", async () => {
  const stage = new Stage({});
  stage.issuers.set("corp", issuer(stage.clock));
  for (let at = 0; at <= SOURCE_FAILURES; at++)
    assert.deepEqual(await stage.token("ann", "down"), { kind: "unavailable" });
  assert.deepEqual(await stage.token("ann", "good", "other"), { kind: "unavailable" });
  assert.equal((await stage.token("ann", "good")).kind, "accepted");
  assert.deepEqual(
    new Set(stage.warnings),
    new Set([
      "authentication: oauth corp: no answer in time",
      'authentication: no oauth "other" is known here',
    ]),
  );
});

test("who guesses tokens is slowed down as one who guesses passwords", async () => {
  const stage = new Stage({ ann: simHash("right") });
  stage.issuers.set("corp", issuer(stage.clock));
  for (let at = 0; at < SOURCE_FAILURES; at++)
    assert.deepEqual(await stage.token(`user${at}`, "bad"), { kind: "refused" });
  assert.deepEqual(await stage.token("ann", "good"), { kind: "unavailable" });
  assert.deepEqual(await stage.password("ann", "right"), { kind: "unavailable" });
});

test("no source answers a question that is another's", async () => {
  const stage = new Stage({ ann: simHash("right") });
  stage.issuers.set("corp", issuer(stage.clock));
  const question = { kind: "token", user: "ann", token: "good" } as const;
  assert.deepEqual(await stage.ask(question), { kind: "refused" });
  assert.deepEqual(await stage.system(question), { kind: "refused" });
});
