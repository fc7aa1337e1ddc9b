import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { type ClientExchange, continueExchange, startExchange } from "./client-exchange.ts";
import { scramAnswered, scramResponse, type ScramState, startScram } from "./scram.ts";
import { checkScramProof, scramVerifier } from "./scram-verifier.ts";

/** RFC 7677 §3. */
const EXAMPLE = { user: "user", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO" };
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function scram(): ClientExchange {
  const started = startExchange(["PLAIN", "SCRAM-SHA-256"], EXAMPLE);
  assert.ok(typeof started !== "string");
  assert.equal(started.shown, "AUTH SCRAM-SHA-256 (...)");
  assert.equal(started.line, `AUTH SCRAM-SHA-256 ${base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")}`);
  return started.exchange;
}

test("SCRAM client says what RFC 7677 has its client say", () => {
  const step = continueExchange(scram(), base64(SERVER_FIRST));
  assert.ok(step.kind === "respond");
  assert.equal(
    Buffer.from(step.response, "base64").toString(),
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  const last = continueExchange(step.exchange, base64(SERVER_FINAL));
  assert.ok(last.kind === "respond");
  assert.equal(last.response, "");
  assert.deepEqual(continueExchange(last.exchange, "done"), { kind: "authenticated" });
});

for (const [name, first, why] of [
  ["another client's nonce", SERVER_FIRST.replace("r=rO", "r=xx"), "SCRAM challenge is malformed"],
  ["no nonce of its own", `r=${EXAMPLE.nonce},s=W22Z,i=4096`, "SCRAM challenge is malformed"],
  ["too little work", SERVER_FIRST.replace("4096", "1"), "SCRAM with 1 iterations is refused"],
  [
    "more work than there is time for",
    SERVER_FIRST.replace("4096", "9999999"),
    "SCRAM with 9999999 iterations is refused",
  ],
  ["no text", "\0", "SCRAM challenge is malformed"],
] as const) {
  test(`SCRAM client gives up on a server with ${name}`, () => {
    assert.deepEqual(continueExchange(scram(), base64(first)), { kind: "failed", why });
  });
}

test("SCRAM client does not believe a server that has not shown that it knows the password", () => {
  const step = continueExchange(scram(), base64(SERVER_FIRST));
  assert.ok(step.kind === "respond");
  assert.equal(continueExchange(step.exchange, "done").kind, "failed");
  const wrong = base64(SERVER_FINAL.replace("6r", "7r"));
  assert.equal(continueExchange(step.exchange, wrong).kind, "failed");
});

test("SCRAM client and our server agree on any user and password", () => {
  const word = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" });
  fc.assert(
    fc.property(word, word, (user, password) => {
      const salt = Buffer.from("0123456789abcdef");
      const salted = pbkdf2Sync(password, salt, 4096, 32, "sha256");
      const verifier = scramVerifier(salted, salt, 4096);
      const offer = { serverNonce: "srv", channelBinding: undefined };
      const started = startExchange(["SCRAM-SHA-256"], { user, password, nonce: "cli" });
      assert.ok(typeof started !== "string");
      let [server] = startScram("SCRAM-SHA-256", offer);
      const toServer = (response: string): void => {
        const bytes = Buffer.from(response, "base64");
        [server] = scramResponse(server as Extract<ScramState, { phase: "scram-first" }>, bytes);
      };
      toServer(started.line.split(" ")[2] ?? "");
      assert.equal(server.phase, "scram-salt");
      [server] = scramAnswered(server, {
        kind: "salt",
        salt,
        iterations: 4096,
      });
      assert.ok(server.phase === "scram-final");
      assert.equal(server.first.user, user);
      const step = continueExchange(started.exchange, base64(server.serverFirst));
      assert.ok(step.kind === "respond");
      const final = Buffer.from(step.response, "base64").toString();
      const [withoutProof = "", proof = ""] = final.split(",p=");
      const message = `${server.first.bare},${server.serverFirst},${withoutProof}`;
      const signature = checkScramProof(verifier, message, Buffer.from(proof, "base64"));
      assert.ok(signature !== undefined);
      const shown = base64(`v=${Buffer.from(signature).toString("base64")}`);
      assert.equal(continueExchange(step.exchange, shown).kind, "respond");
    }),
    { numRuns: 30 },
  );
});
