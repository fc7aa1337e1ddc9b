import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeBase64 } from "./base64.ts";
import {
  MECHANISMS,
  type Mechanism,
  type SaslContext,
  start,
  type SaslState,
  step,
} from "./exchange.ts";
import { prepared } from "./sasl-text.ts";
import type { SaslAction, SaslAnswer, SaslStep } from "./sasl-step.ts";
import {
  checkScramProof,
  formatScramVerifier,
  isScramPassword,
  parseScramVerifier,
  scramVerifier,
} from "./scram-verifier.ts";

const CONTEXT: SaslContext = {
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  channelBinding: undefined,
  fingerprints: ["SHA256:aa"],
  tokenScope: "smtp",
};
const ACCEPTED: SaslAnswer = { kind: "accepted", user: "ann", signature: new Uint8Array() };

/** The action after the client's responses, in latin1, to the challenges of `mechanism`. */
function play(mechanism: Mechanism, responses: readonly string[], context = CONTEXT): SaslAction {
  let [state, action]: SaslStep<SaslState> = start(mechanism, context);
  for (const text of responses) {
    assert.equal(action.kind, "challenge");
    [state, action] = step(state, { type: "response", bytes: Buffer.from(text, "latin1") });
  }
  return action;
}

const MALFORMED: SaslAction = { kind: "fail", why: "malformed" };

test("PLAIN asks for the password of its user, and for nothing where it is malformed", () => {
  const question = { kind: "password", user: "tim", password: "tanstaaftanstaaf" };
  // RFC 4616 §4.
  assert.deepEqual(play("PLAIN", ["\0tim\0tanstaaftanstaaf"]), { kind: "ask", question });
  assert.deepEqual(play("PLAIN", ["Ursel\0tim\0tanstaaftanstaaf"]), { kind: "ask", question });
  for (const response of [
    "",
    "tim",
    "\0tim",
    "\0\0password",
    "\0tim\0",
    "\0tim\0pass\0word",
    "\0a\0b\0c\0d",
    "\0tim\0pass\nword",
    "\0t\rim\0password",
    "\0tim\0\xff\xfe",
    `\0${"u".repeat(256)}\0password`,
    `\0tim\0${"p".repeat(512)}`,
  ]) {
    assert.deepEqual(play("PLAIN", [response]), MALFORMED, JSON.stringify(response));
  }
});

test("LOGIN prompts for the name and for the password", () => {
  assert.deepEqual(play("LOGIN", []), { kind: "challenge", text: "Username:" });
  assert.deepEqual(play("LOGIN", ["ann"]), { kind: "challenge", text: "Password:" });
  assert.deepEqual(play("LOGIN", ["ann", "s\xc3\xa9cret"]), {
    kind: "ask",
    question: { kind: "password", user: "ann", password: "sécret" },
  });
  assert.deepEqual(play("LOGIN", [""]), MALFORMED);
  assert.deepEqual(play("LOGIN", ["ann", ""]), MALFORMED);
});

test("EXTERNAL asks whether the certificate that was shown is the user's", () => {
  const question = { kind: "certificate", user: "ann", fingerprints: ["SHA256:aa"] };
  assert.deepEqual(play("EXTERNAL", ["ann"]), { kind: "ask", question });
  assert.deepEqual(play("EXTERNAL", [""]), MALFORMED);
});

test("the answer to the deciding question ends the attempt", () => {
  const answers: readonly (readonly [SaslAnswer, SaslAction])[] = [
    [ACCEPTED, { kind: "succeed", user: "ann" }],
    [{ kind: "refused" }, { kind: "fail", why: "refused" }],
    [{ kind: "unavailable" }, { kind: "fail", why: "unavailable" }],
  ];
  for (const [answer, action] of answers) {
    const [state] = start("PLAIN", CONTEXT);
    const [asked] = step(state, { type: "response", bytes: Buffer.from("\0ann\0pw") });
    assert.deepEqual(step(asked, { type: "answer", answer }), [{ phase: "ended" }, action]);
  }
});

// RFC 7677 §3.
const FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const FINAL =
  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const PENCIL = scramVerifier(pbkdf2Sync("pencil", SALT, 4096, 32, "sha256"), SALT, 4096);

/** Plays SCRAM against the password "pencil". */
function scram(mechanism: Mechanism, messages: readonly string[], context = CONTEXT): SaslAction {
  let [state, action]: SaslStep<SaslState> = start(mechanism, context);
  for (const text of messages) {
    if (action.kind !== "challenge") return action;
    [state, action] = step(state, { type: "response", bytes: Buffer.from(text) });
    if (action.kind === "ask")
      [state, action] = step(state, { type: "answer", answer: pencilAnswer(action) });
  }
  return action;
}

function pencilAnswer({ question }: SaslAction & { kind: "ask" }): SaslAnswer {
  if (question.kind === "salt") return { kind: "salt", salt: SALT, iterations: 4096 };
  assert.ok(question.kind === "proof");
  const signature = checkScramProof(PENCIL, question.authMessage, question.proof);
  if (signature === undefined) return { kind: "refused" };
  return { kind: "accepted", user: question.user, signature };
}

test("SCRAM-SHA-256 is that of RFC 7677 §3", () => {
  assert.deepEqual(scram("SCRAM-SHA-256", [FIRST]), {
    kind: "challenge",
    text: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  });
  assert.deepEqual(scram("SCRAM-SHA-256", [FIRST, FINAL]), {
    kind: "challenge",
    text: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  });
  assert.deepEqual(scram("SCRAM-SHA-256", [FIRST, FINAL, ""]), { kind: "succeed", user: "user" });
  assert.deepEqual(scram("SCRAM-SHA-256", [FIRST, FINAL, "x"]), MALFORMED);
});

/** The messages of a client that knows the password, with `binding` after the GS2 header. */
function clientFinal(header: string, binding: Uint8Array, password = "pencil"): string {
  const nonce = `rOprNGfwEbeRWgbNEkqO${CONTEXT.serverNonce}`;
  const c = Buffer.concat([Buffer.from(header), binding]).toString("base64");
  const withoutProof = `c=${c},r=${nonce}`;
  const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=${SALT.toString("base64")},i=4096,${withoutProof}`;
  const salted = pbkdf2Sync(password, SALT, 4096, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const stored = createHash("sha256").update(clientKey).digest();
  const signature = createHmac("sha256", stored).update(authMessage).digest();
  return `${withoutProof},p=${Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString("base64")}`;
}

test("SCRAM-SHA-256-PLUS is bound to the connection", () => {
  const channelBinding = Buffer.alloc(32, 7);
  const context = { ...CONTEXT, channelBinding };
  const header = "p=tls-exporter,,";
  const first = `${header}n=user,r=rOprNGfwEbeRWgbNEkqO`;
  const mechanism = "SCRAM-SHA-256-PLUS";
  const good = clientFinal(header, channelBinding);
  assert.equal(scram(mechanism, [first, good, ""], context).kind, "succeed");
  const elsewhere = clientFinal(header, Buffer.alloc(32, 8));
  const refused = { kind: "fail", why: "refused" };
  assert.deepEqual(scram(mechanism, [first, elsewhere], context), refused);
  assert.deepEqual(scram(mechanism, [FIRST], context), MALFORMED);
  assert.deepEqual(scram("SCRAM-SHA-256", [first], context), MALFORMED);
  const downgraded = FIRST.replace(/^n/u, "y");
  assert.deepEqual(scram("SCRAM-SHA-256", [downgraded], context), MALFORMED);
  assert.equal(scram("SCRAM-SHA-256", [downgraded]).kind, "challenge");
});

test("a wrong password is refused; messages that break the rules are malformed", () => {
  const wrong = clientFinal("n,,", new Uint8Array(), "pencils");
  assert.deepEqual(scram("SCRAM-SHA-256", [FIRST, wrong]), { kind: "fail", why: "refused" });
  for (const first of [
    "",
    "n,n=user,r=abc",
    "z,,n=user,r=abc",
    "n,,m=x,n=user,r=abc",
    "n,,n=,r=abc",
    "n,,n=us=er,r=abc",
    "n,,n=user,r=",
    "n,,n=user",
    "n,,n=us\ner,r=abc",
    "n,,n=us\0er,r=abc",
    `n,,n=user,r=${"a".repeat(257)}`,
    `n,,n=${"u".repeat(256)},r=abc`,
  ]) {
    assert.deepEqual(scram("SCRAM-SHA-256", [first]), MALFORMED, JSON.stringify(first));
  }
  for (const final of [
    "",
    FINAL.replace("r=rOpr", "r=sOpr"),
    FINAL.replace("p=dHzb", "p=dHz"),
    FINAL.replace(/,p=.*/u, ""),
    FINAL.replace("AndVQ=", "AndVQ"),
  ]) {
    assert.deepEqual(scram("SCRAM-SHA-256", [FIRST, final]), MALFORMED, final);
  }
});

test("names with commas and equals signs come as they are", () => {
  const [state] = start("SCRAM-SHA-256", CONTEXT);
  const bytes = Buffer.from("n,,n=a=2Cb=3Dc,r=abc");
  const [, action] = step(state, { type: "response", bytes });
  assert.deepEqual(action, { kind: "ask", question: { kind: "salt", user: "a,b=c" } });
});

test("a verifier reads as it was written, and knows its password", () => {
  const text = formatScramVerifier(PENCIL);
  const read = parseScramVerifier(text);
  assert.ok(read !== undefined);
  assert.equal(formatScramVerifier(read), text);
  assert.equal(isScramPassword(read, pbkdf2Sync("pencil", SALT, 4096, 32, "sha256")), true);
  assert.equal(isScramPassword(read, pbkdf2Sync("pencils", SALT, 4096, 32, "sha256")), false);
  for (const bad of [
    text.replace("4096", "100"),
    text.replace("4096", "9999999"),
    text.slice(0, -1),
    text.replace("W22Z", "W22"),
    text.replace("SHA-256", "SHA-1"),
  ]) {
    assert.equal(parseScramVerifier(bad), undefined, bad);
  }
});

test("base64 is what encoding gives, and nothing else", () => {
  for (const [text, bytes] of [
    ["", ""],
    ["YQ==", "a"],
    ["YWI=", "ab"],
    ["+/+/", "\xfb\xff\xbf"],
  ] as const) {
    assert.equal(decodeBase64(text)?.toString("latin1"), bytes);
  }
  for (const text of [
    "@@@@",
    "YQ",
    "YQ=",
    "YR==",
    " YQ==",
    "Y Q==",
    "-_-_",
    "YQ==YQ==",
    "=",
    "é===",
  ])
    assert.equal(decodeBase64(text), undefined, text);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(decodeBase64(Buffer.from(bytes).toString("base64")), Buffer.from(bytes));
    }),
  );
});

test("texts are compared as SASLprep has them", () => {
  // RFC 4013 §3.
  for (const [text, expected] of [
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["\u0007", undefined],
    ["e\u0301", "é"],
  ] as const) {
    assert.equal(prepared(text), expected, JSON.stringify(text));
  }
});

test("whatever a client sends, an attempt goes on by its rules or fails", () => {
  const response = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom("\0ann\0pw", FIRST, FINAL, "", "ann").map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...MECHANISMS),
      fc.array(response, { maxLength: 4 }),
      (mechanism, responses) => {
        let [state, action]: SaslStep<SaslState> = start(mechanism, CONTEXT);
        for (const bytes of responses) {
          if (action.kind === "challenge")
            [state, action] = step(state, { type: "response", bytes });
          if (action.kind === "ask") {
            const { question } = action;
            const answer: SaslAnswer =
              question.kind === "salt" ? { kind: "salt", salt: SALT, iterations: 4096 } : ACCEPTED;
            [state, action] = step(state, { type: "answer", answer });
          }
          if (action.kind === "succeed" || action.kind === "fail") {
            assert.equal(state.phase, "ended");
            return;
          }
        }
      },
    ),
  );
});
