import assert from "node:assert/strict";
import { test } from "node:test";
import type { Http, HttpAnswer, HttpQuestion } from "#base/ports/http.ts";
import { SimClock } from "#world/sim/clock.ts";
import { GOOD_TOKEN_MS, MAX_GOOD_TOKENS, MAX_TOKENS_AT_ONCE, TokenCheck } from "./token-check.ts";

/** An issuer, and what it was asked. */
class Issuer implements Http {
  readonly clock = new SimClock();
  readonly asked: HttpQuestion[] = [];
  answer: unknown = { active: true, username: "ann" };
  fault = "";
  readonly check: TokenCheck = new TokenCheck(
    { clock: this.clock, http: this },
    {
      name: "corp",
      url: "https://id.example/introspect",
      authorization: "Basic bWFpbDpzZWNyZXQ=",
      authorities: "PEM",
      demands: { scope: undefined, claim: undefined },
    },
  );

  async post(question: HttpQuestion): Promise<HttpAnswer> {
    this.asked.push(question);
    // Later than what comes in the same turn.
    await Promise.resolve();
    if (this.fault !== "") return { kind: "fault", why: this.fault };
    return { kind: "answer", body: Buffer.from(JSON.stringify(this.answer)) };
  }

  async get(): Promise<HttpAnswer> {
    return { kind: "fault", why: "nobody" };
  }

  /** The user, "" for a token that is not good, or why nobody can say. */
  async user(token: string): Promise<string> {
    const found = await this.check.user(token);
    if (found.kind === "unavailable") return found.cause.message;
    return found.kind === "found" ? found.value : "";
  }
}

test("the issuer is asked about a token as its client, and believed whom it names", async () => {
  const issuer = new Issuer();
  assert.equal(await issuer.user("t+1"), "ann");
  const [{ body, ...question } = {} as HttpQuestion] = issuer.asked;
  assert.deepEqual(question, {
    url: "https://id.example/introspect",
    type: "application/x-www-form-urlencoded",
    authorization: "Basic bWFpbDpzZWNyZXQ=",
    authorities: "PEM",
    timeoutMs: 10_000,
    maxBytes: 65_536,
  });
  assert.equal(Buffer.from(body).toString(), "token=t%2B1&token_type_hint=access_token");
});

test("a yes is believed for a minute, or until the token ends", async () => {
  const issuer = new Issuer();
  await issuer.user("t");
  await issuer.clock.advance(GOOD_TOKEN_MS - 1);
  assert.equal(await issuer.user("t"), "ann");
  assert.equal(issuer.asked.length, 1);
  await issuer.clock.advance(1);
  await issuer.user("t");
  assert.equal(issuer.asked.length, 2);
  issuer.answer = { active: true, username: "ann", exp: issuer.clock.wallMs() / 1000 + 5 };
  await issuer.user("u");
  await issuer.clock.advance(4999);
  await issuer.user("u");
  assert.equal(issuer.asked.length, 3);
  await issuer.clock.advance(1);
  assert.equal(await issuer.user("u"), "");
  assert.equal(issuer.asked.length, 4);
});

test("neither a no nor a failure is remembered", async () => {
  const issuer = new Issuer();
  issuer.answer = { active: false };
  assert.equal(await issuer.user("t"), "");
  issuer.answer = "?";
  assert.equal(await issuer.user("t"), "oauth corp: the answer is no JSON object");
  issuer.fault = "no answer in time";
  assert.equal(await issuer.user("t"), "oauth corp: no answer in time");
  issuer.fault = "";
  issuer.answer = { active: true, username: "ann" };
  assert.equal(await issuer.user("t"), "ann");
});

test("so many tokens are asked about at once, and so many remembered", async () => {
  const issuer = new Issuer();
  const tokens = Array.from({ length: MAX_TOKENS_AT_ONCE + 1 }, (_, at) => `t${at}`);
  const users = await Promise.all(tokens.map((token) => issuer.user(token)));
  assert.deepEqual(
    [users.at(-2), users.at(-1)],
    ["ann", "oauth corp: too many tokens are asked about"],
  );
  for (let at = 0; at < MAX_GOOD_TOKENS; at++) await issuer.user(`u${at}`);
  const before = issuer.asked.length;
  await issuer.user("u0");
  assert.equal(issuer.asked.length, before);
  await issuer.user("t0");
  assert.equal(issuer.asked.length, before + 1);
});
