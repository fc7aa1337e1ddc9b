/** SASL exchanges: each answer of the client moves one on or ends it, whatever is in it. */
import assert from "node:assert/strict";
import { decodeBase64 } from "#protocols/sasl/base64.ts";
import { MECHANISMS, type SaslContext, start, step } from "#protocols/sasl/exchange.ts";
import type { SaslAnswer, SaslQuestion } from "#protocols/sasl/sasl-step.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const CONTEXT: SaslContext = {
  serverNonce: "bm9uY2U",
  channelBinding: Buffer.alloc(32, 7),
  fingerprints: ["SHA256:00"],
  tokenScope: "smtp",
};
/** More than any mechanism needs. */
const MAX_STEPS = 10;

export const sasl: FuzzTarget = {
  name: "sasl",
  words: [
    "\0",
    "n,,",
    "y,,",
    "p=tls-exporter,,",
    "n=user,r=",
    "c=biws,r=",
    ",p=",
    "a=x,",
    "=2C",
    "=3D",
    "\xc2\xa0",
    "\x01",
    "\x01\x01",
    "user=",
    "n,a=user,\x01",
    "host=mx.example\x01",
    "auth=Bearer ",
    "\n",
    "AGEAYg==",
    "*",
    "=",
  ],
  seeds: () => [
    "\x05\0user\0pencil",
    "\x06user\npencil",
    "\x03n,a=user@a.example,\x01host=mx.example\x01port=587\x01auth=Bearer dG9r.ZW4-_~+/=\x01\x01\n\x01",
    "\x04user=user@a.example\x01auth=bearer dG9rZW4=\x01\x01\n",
    "\x02n,,n=user,r=abc\nc=biws,r=abcbm9uY2U,p=AAAA\n",
    "\0user",
  ],
  run: (input) => {
    const mechanism = MECHANISMS[(input[0] ?? 0) % MECHANISMS.length] ?? "PLAIN";
    decodeBase64(input.toString("latin1"));
    const responses = input.subarray(1).toString("latin1").split("\n");
    let [state, action] = start(mechanism, CONTEXT);
    for (let steps = 0; action.kind === "challenge" || action.kind === "ask"; steps++) {
      assert.ok(steps < MAX_STEPS, "an exchange ends");
      const response = responses.shift();
      if (action.kind === "ask") {
        assert.doesNotMatch(action.question.user, /[\0\r\n]/);
        if (action.question.kind === "token")
          assert.match(action.question.token, /^[!-~]{1,8192}$/);
        [state, action] = step(state, { type: "answer", answer: answerTo(action.question, input) });
      } else {
        assert.match(action.text, /^[ -~]*$/);
        const bytes = Buffer.from(response ?? "", "latin1");
        [state, action] = step(state, { type: "response", bytes });
      }
    }
  },
};

function answerTo({ kind, user }: SaslQuestion, input: Buffer): SaslAnswer {
  if ((input.at(-1) ?? 0) % 7 === 0) return { kind: "unavailable" };
  if (kind === "salt") return { kind: "salt", salt: Buffer.from("salt"), iterations: 4096 };
  if ((input.at(-1) ?? 0) % 3 === 0) return { kind: "refused" };
  return { kind: "accepted", user, signature: Buffer.alloc(kind === "proof" ? 32 : 0) };
}
