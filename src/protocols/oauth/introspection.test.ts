import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  clientAuthorization,
  type Introspected,
  introspectionBody,
  readIntrospection,
} from "./introspection.ts";

const NOW_MS = 1_000_000_000_000;
const NOW_S = NOW_MS / 1000;

function read(answer: unknown, scope?: string, claim?: string): Introspected {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  return readIntrospection(Buffer.from(text), { scope, claim }, NOW_MS);
}

function good(user: string, untilMs?: number): Introspected {
  return { kind: "good", user, untilMs };
}

test("a token is good if the answer says so in all that is asked of it", () => {
  for (const [answer, scope, claim, meaning] of [
    [{ active: true, username: "ann" }, undefined, undefined, good("ann")],
    [{ active: true, sub: "42" }, undefined, undefined, good("42")],
    [{ active: true, username: "ann", sub: "42" }, undefined, undefined, good("ann")],
    [{ active: true, username: "ann", sub: "42" }, undefined, "sub", good("42")],
    [
      { active: true, email: "ann@a.example", sub: "42" },
      undefined,
      "email",
      good("ann@a.example"),
    ],
    [
      { active: true, sub: "ann", exp: NOW_S + 60 },
      undefined,
      undefined,
      good("ann", NOW_MS + 60_000),
    ],
    [{ active: true, sub: "ann", scope: "imap smtp" }, "smtp", undefined, good("ann")],
  ] as const)
    assert.deepEqual(read(answer, scope, claim), meaning, JSON.stringify(answer));
});

test("a token is bad if it is not active, has ended or is for something else", () => {
  for (const [answer, scope] of [
    [{ active: false }, undefined],
    [{ active: false, username: "ann" }, undefined],
    [{ active: true, username: "ann", exp: NOW_S }, undefined],
    [{ active: true, username: "ann", exp: 0 }, undefined],
    [{ active: true, username: "ann" }, "smtp"],
    [{ active: true, username: "ann", scope: "smtpd imap" }, "smtp"],
    [{ active: true, username: "ann", scope: "SMTP" }, "smtp"],
    [{ active: true, username: "ann", scope: ["smtp"] }, "smtp"],
  ] as const)
    assert.deepEqual(read(answer, scope), { kind: "bad" }, JSON.stringify(answer));
});

test("an answer of another form says neither yes nor no", () => {
  for (const answer of [
    "",
    "yes",
    "null",
    "true",
    "[]",
    "{",
    '{"active":true,"username":"ann"} x',
    {},
    { active: "true", username: "ann" },
    { active: 1, username: "ann" },
    { active: true },
    { active: true, username: "" },
    { active: true, username: 7 },
    { active: true, username: "ann\r\nRCPT" },
    { active: true, username: "a".repeat(256) },
    { active: true, username: "ann", exp: "never" },
    '{"active":true,"username":"ann","exp":1e999}',
    '{"__proto__":{"active":true,"username":"ann"}}',
  ]) {
    const { kind } = read(answer);
    assert.equal(kind, "fault", JSON.stringify(answer));
  }
  // What every object of JavaScript has is no user.
  assert.equal(read({ active: true }, undefined, "constructor").kind, "fault");
  const half = readIntrospection(
    Buffer.from([0x7b, 0xff]),
    { scope: undefined, claim: undefined },
    0,
  );
  assert.equal(half.kind, "fault");
});

test("no answer throws", () => {
  const demands = { scope: "smtp", claim: undefined };
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json().map((text) => Buffer.from(text)),
        fc.uint8Array(),
      ),
      (body) => {
        readIntrospection(body, demands, NOW_MS);
      },
    ),
  );
  readIntrospection(Buffer.from("[".repeat(16_000)), demands, NOW_MS);
  readIntrospection(Buffer.from('{"a":'.repeat(3000)), demands, NOW_MS);
});

test("a question has its token, and a client its name, encoded as in a form", () => {
  const body = Buffer.from(introspectionBody("a+b/c=&active=1"));
  assert.equal(body.toString(), "token=a%2Bb%2Fc%3D%26active%3D1&token_type_hint=access_token");
  const basic = clientAuthorization("mail:server", "p%ss w*rd").slice("Basic ".length);
  assert.equal(Buffer.from(basic, "base64").toString(), "mail%3Aserver:p%25ss%20w%2Ard");
});
