import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bearerPairs, bearerToken, MAX_TOKEN_BYTES } from "./bearer.ts";
import { type Mechanism, type SaslContext, start, type SaslState, step } from "./exchange.ts";
import { oauthBearerMessage } from "./oauthbearer.ts";
import type { SaslAction, SaslAnswer, SaslStep } from "./sasl-step.ts";
import { xoauth2Message } from "./xoauth2.ts";

const CONTEXT: SaslContext = {
  serverNonce: "nonce",
  channelBinding: undefined,
  fingerprints: [],
  tokenScope: undefined,
};
const TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

const OAUTHBEARER: readonly (readonly [message: string, shown: unknown])[] = [
  // RFC 7628 §4.1.
  [
    `n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ${TOKEN}\x01\x01`,
    { user: "user@example.com", token: TOKEN },
  ],
  [`y,a=ann,\x01auth=bearer   ${TOKEN}\x01\x01`, { user: "ann", token: TOKEN }],
  [`n,,\x01auth=Bearer ${TOKEN}\x01\x01`, { user: "", token: TOKEN }],
  [`n,a=a=2Cb=3D,\x01auth=Bearer t\x01\x01`, { user: "a,b=", token: "t" }],
  [`n,a=ann,\x01auth=Bearer t\x01more=\x01\x01`, { user: "ann", token: "t" }],
  // To be told what to ask the issuer for.
  ["n,a=ann,\x01auth=\x01\x01", { user: "ann", token: "" }],
  ["n,a=ann,\x01\x01", { user: "ann", token: "" }],
  ["", undefined],
  ["\x01", undefined],
  ["n,a=ann,", undefined],
  ["n,a=ann,\x01", undefined],
  ["p=tls-exporter,a=ann,\x01auth=Bearer t\x01\x01", undefined],
  ["F,n,a=ann,\x01auth=Bearer t\x01\x01", undefined],
  ["n,a=,\x01auth=Bearer t\x01\x01", undefined],
  ["n,a=a=b,\x01auth=Bearer t\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\x01\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\x01\x01auth=Bearer u\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\x01auth=Bearer u\x01\x01", undefined],
  ["n,a=ann,\x01auth=Basic YTpi\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t u\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\r\nu\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\0\x01\x01", undefined],
  ["n,a=ann,\x01auth=Bearer t\xff\x01\x01", undefined],
  ["n,a=ann,\x01=x\x01auth=Bearer t\x01\x01", undefined],
  [`n,a=${"u".repeat(256)},\x01auth=Bearer t\x01\x01`, undefined],
];

test("OAUTHBEARER has a header, pairs, and among them a token", () => {
  for (const [message, shown] of OAUTHBEARER)
    assert.deepEqual(oauthBearerMessage(Buffer.from(message, "latin1")), shown, message);
});

const XOAUTH2: readonly (readonly [message: string, shown: unknown])[] = [
  [
    `user=someuser@example.com\x01auth=Bearer ${TOKEN}\x01\x01`,
    { user: "someuser@example.com", token: TOKEN },
  ],
  ["user=ann\x01\x01", { user: "ann", token: "" }],
  ["user=a=b,c\x01auth=Bearer t\x01\x01", { user: "a=b,c", token: "t" }],
  ["", undefined],
  ["user=\x01auth=Bearer t\x01\x01", undefined],
  ["auth=Bearer t\x01user=ann\x01\x01", undefined],
  ["user=ann\x01auth=Bearer t\x01", undefined],
  ["user=ann\nbob\x01auth=Bearer t\x01\x01", undefined],
  ["user=ann\x01auth=Bearer t\x01\x01user=bob\x01auth=Bearer t\x01\x01", undefined],
];

test("XOAUTH2 has a user and a token", () => {
  for (const [message, shown] of XOAUTH2)
    assert.deepEqual(xoauth2Message(Buffer.from(message, "latin1")), shown, message);
});

test("a token has a longest", () => {
  assert.equal(bearerToken(`Bearer ${"t".repeat(MAX_TOKEN_BYTES)}`)?.length, MAX_TOKEN_BYTES);
  assert.equal(bearerToken(`Bearer ${"t".repeat(MAX_TOKEN_BYTES + 1)}`), undefined);
});

test("pairs that were written are the pairs that are read", () => {
  const name = fc.stringMatching(/^[a-zA-Z]{1,5}$/u);
  const pairs = fc.dictionary(name, fc.stringMatching(/^[ -~\t]{0,9}$/u), { maxKeys: 5 });
  fc.assert(
    fc.property(pairs, (written) => {
      const entries = Object.entries(written);
      const text = entries.map(([key, value]) => `${key}=${value}\x01`).join("");
      assert.deepEqual([...(bearerPairs(`${text}\x01`) ?? [])], entries);
    }),
  );
});

/** The actions that follow a message, an answer, and then a response of the client. */
function refused(mechanism: Mechanism, tokenScope: string | undefined): readonly SaslAction[] {
  const message =
    mechanism === "XOAUTH2"
      ? `user=ann\x01auth=Bearer t\x01\x01`
      : `n,a=ann,\x01auth=Bearer t\x01\x01`;
  const actions: SaslAction[] = [];
  let [state]: SaslStep<SaslState> = start(mechanism, { ...CONTEXT, tokenScope });
  const go = ([next, action]: SaslStep<SaslState>): void => {
    state = next;
    actions.push(action);
  };
  go(step(state, { type: "response", bytes: Buffer.from(message) }));
  go(step(state, { type: "answer", answer: { kind: "refused" } }));
  go(step(state, { type: "response", bytes: Buffer.from("\x01") }));
  return actions;
}

test("a refusal says why and what to ask for, and ends when the client has heard it", () => {
  const question = { kind: "token", user: "ann", token: "t" };
  const end = { kind: "fail", why: "refused" };
  for (const [mechanism, scope, text] of [
    ["OAUTHBEARER", undefined, '{"status":"invalid_token"}'],
    ["OAUTHBEARER", "smtp", '{"status":"invalid_token","scope":"smtp"}'],
    ["XOAUTH2", undefined, '{"status":"401","schemes":"bearer"}'],
    ["XOAUTH2", "smtp", '{"status":"401","schemes":"bearer","scope":"smtp"}'],
  ] as const) {
    const ask = { kind: "ask", question };
    assert.deepEqual(refused(mechanism, scope), [ask, { kind: "challenge", text }, end]);
  }
});

test("a token that is good or that nobody can judge ends the attempt at once", () => {
  const answers: readonly (readonly [SaslAnswer, SaslAction])[] = [
    [
      { kind: "accepted", user: "Ann", signature: new Uint8Array() },
      { kind: "succeed", user: "Ann" },
    ],
    [{ kind: "unavailable" }, { kind: "fail", why: "unavailable" }],
  ];
  for (const [answer, action] of answers) {
    const [state] = start("OAUTHBEARER", CONTEXT);
    const bytes = Buffer.from("n,,\x01auth=Bearer t\x01\x01");
    const [asked] = step(state, { type: "response", bytes });
    assert.deepEqual(step(asked, { type: "answer", answer }), [{ phase: "ended" }, action]);
  }
});

test("a client that shows no token is told what to ask for, and nobody is asked", () => {
  const [state] = start("OAUTHBEARER", { ...CONTEXT, tokenScope: "smtp" });
  const [, action] = step(state, { type: "response", bytes: Buffer.from("n,,\x01auth=\x01\x01") });
  assert.deepEqual(action, {
    kind: "challenge",
    text: '{"status":"invalid_token","scope":"smtp"}',
  });
});
