import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageText } from "#model/delivery.ts";
import type { Action } from "#protocols/dsn/delivery-status.ts";
import { type Message, NO_TERMS, type Terms } from "#model/envelope.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { originOf } from "#test/support/letters.ts";
import { type BounceDraft, BounceWriter } from "./bounce.ts";
import { MAX_PER_STRANGER } from "./notice-limits.ts";

const MESSAGE: Message = {
  msgid: "0000000a",
  acceptedAtMs: 1_767_225_600_000,
  reversePath: "alice@example.com",
  origin: originOf("192.0.2.9", "client.example"),
  textBytes: 0,
  is8bit: false,
  terms: undefined,
};

const PLANNED = {
  destination: "alice",
  action: "local",
  transport: { kind: "mda", user: "alice", extension: "" },
  rule: "smtpd.conf:3",
  trail: [],
  terms: undefined,
  ttlMs: 1000,
} as const;

const ACCEPTED: Resolution = { kind: "accepted", envelopes: [PLANNED] };

function textOf(...chunks: readonly string[]): MessageText {
  return {
    bytes: chunks.join("").length,
    async *chunks() {
      for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk, "latin1"));
    },
  };
}

interface Tried {
  readonly draft: BounceDraft;
  readonly queries: readonly RecipientQuery[];
}

async function write(
  message: Message,
  resolution: Resolution,
  action: Action = "failed",
): Promise<Tried> {
  const queries: RecipientQuery[] = [];
  const routing = {
    resolve: (query: RecipientQuery): Resolution => {
      queries.push(query);
      return resolution;
    },
  };
  const ports = { clock: new SimClock(), random: new SimRandom(1), routing };
  const draft = await new BounceWriter(ports, "mail.example.com").write({
    message,
    text: textOf("Subject: hello\r\n\r\nbody"),
    action,
    recipients: [
      {
        recipient: "bob@example.org",
        orcpt: "",
        status: "5.1.1",
        diagnostic: "No such user",
        remote: "",
        lastTryAtMs: 0,
        retryUntilMs: 0,
      },
    ],
    mayReturnWhole: true,
    newMsgid: () => "0000000b",
  });
  return { draft, queries };
}

test("A bounce goes to the sender from the null reverse-path, and is matched as internal mail", async () => {
  const { draft, queries } = await write(MESSAGE, ACCEPTED);
  assert.ok(draft.kind === "bounce", draft.kind);
  const { evpid, ...envelope } = draft.envelopes[0] ?? { evpid: "" };
  assert.match(evpid, /^0000000b[0-9a-f]{8}$/);
  assert.deepEqual(envelope, { ...PLANNED, forwardPath: "alice@example.com" });
  assert.equal(draft.message.reversePath, "");
  const { before, original, after } = draft.text;
  assert.equal(draft.message.textBytes, before.length + after.length);
  assert.equal(original, undefined);
  assert.deepEqual(queries, [
    {
      origin: draft.message.origin,
      via: "internal",
      tls: false,
      reversePath: "",
      forwardPath: "alice@example.com",
    },
  ]);
  assert.match(Buffer.from(before).toString(), /\r\n\r\nSubject: hello\r\n$/);
});

test("A sender without a domain is looked for on this server", async () => {
  for (const reversePath of ["alice", "alice@"]) {
    const { queries } = await write({ ...MESSAGE, reversePath }, ACCEPTED);
    assert.equal(queries[0]?.forwardPath, "alice@mail.example.com");
  }
});

test("Mail with a null reverse-path and bounces are never bounced", async () => {
  const bounce: Message = { ...MESSAGE, origin: { ...MESSAGE.origin, kind: "internal" } };
  const cases = [
    [{ ...MESSAGE, reversePath: "" }, "No return path"],
    [{ ...bounce, reversePath: "" }, "Double bounce"],
    [bounce, "Double bounce"],
    [{ ...MESSAGE, reversePath: "MAILER-DAEMON@far.example" }, "The sender is a mailer daemon"],
  ] as const;
  for (const [message, why] of cases) {
    const { draft, queries } = await write(message, ACCEPTED);
    assert.deepEqual(draft, { kind: "dropped", why, limit: undefined });
    assert.equal(queries.length, 0);
  }
});

test("A bounce that no rule takes is dropped and says why; one that cannot be routed now waits", async () => {
  const none = await write(MESSAGE, { kind: "rejected", rule: "", why: "no rule matches" });
  assert.deepEqual(none.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: no rule matches",
    limit: undefined,
  });
  const refused = await write(MESSAGE, {
    kind: "rejected",
    rule: "smtpd.conf:9",
    why: "no such user",
  });
  assert.deepEqual(refused.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: refused by smtpd.conf:9: no such user",
    limit: undefined,
  });
  const nobody = await write(MESSAGE, { kind: "accepted", envelopes: [] });
  assert.deepEqual(nobody.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: it expands to nobody",
    limit: undefined,
  });
  const later = await write(MESSAGE, { kind: "unavailable", why: "down" });
  assert.deepEqual(later.draft, { kind: "unavailable" });
});

const TERMS: Terms = { ...NO_TERMS, returns: "full" };

test("Who asked for it gets the whole message back, when it failed", async () => {
  const { draft } = await write({ ...MESSAGE, terms: TERMS }, ACCEPTED);
  assert.ok(draft.kind === "bounce", draft.kind);
  const { before, original, after } = draft.text;
  assert.ok(original !== undefined, "no original");
  assert.match(Buffer.from(before).toString(), /\r\nContent-Type: message\/rfc822\r\n\r\n$/);
  assert.equal(draft.message.textBytes, before.length + original.bytes + after.length);
});

test("A report of a delay or a delivery gives only the header back, whatever was asked", async () => {
  for (const action of ["delayed", "delivered", "relayed", "expanded"] as const) {
    const { draft } = await write({ ...MESSAGE, terms: TERMS }, ACCEPTED, action);
    assert.equal(draft.kind === "bounce" ? draft.text.original : draft, undefined);
  }
});

test("A report to an address beyond ASCII needs SMTPUTF8, one about such a recipient does not", async () => {
  const { draft } = await write({ ...MESSAGE, reversePath: "\u00e5lice@example.com" }, ACCEPTED);
  assert.ok(draft.kind === "bounce", draft.kind);
  assert.equal(draft.message.terms?.utf8, true);
  assert.equal(draft.message.is8bit, true);
  const plain = await write({ ...MESSAGE, terms: { ...TERMS, utf8: true } }, ACCEPTED, "delayed");
  assert.equal(plain.draft.kind === "bounce" ? plain.draft.message.terms : plain.draft, undefined);
});

test("A sender who did not authenticate gets a bounded number of reports in an hour", async () => {
  const clock = new SimClock();
  const routing = { resolve: (): Resolution => ACCEPTED };
  const writer = new BounceWriter({ clock, random: new SimRandom(1), routing }, "mail.example.com");
  const write1 = (): Promise<BounceDraft> =>
    writer.write({
      message: MESSAGE,
      text: textOf(""),
      action: "failed",
      recipients: [],
      mayReturnWhole: false,
      newMsgid: () => "0000000b",
    });
  for (let at = 0; at < MAX_PER_STRANGER; at++) assert.equal((await write1()).kind, "bounce");
  assert.deepEqual(await write1(), {
    kind: "dropped",
    why: "Limit notices-per-sender is used up for this hour",
    limit: "notices-per-sender",
  });
  await clock.advance(3_600_000);
  assert.equal((await write1()).kind, "bounce");
});
