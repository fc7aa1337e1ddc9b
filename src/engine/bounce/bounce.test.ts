import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Message } from "#model/envelope.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { type BounceDraft, BounceWriter } from "./bounce.ts";
import { MAX_RETURNED_BYTES, readHeaderBlock } from "./header-block.ts";

const MESSAGE: Message = {
  msgid: "0000000a",
  acceptedAtMs: 1_767_225_600_000,
  reversePath: "alice@example.com",
  origin: {
    kind: "smtp",
    address: "192.0.2.9",
    hostname: "client.example",
    helo: "client.example",
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  },
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

async function write(message: Message, resolution: Resolution): Promise<Tried> {
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
    recipients: [
      {
        originalRecipient: "bob@example.org",
        orcpt: "",
        finalRecipient: "bob@example.org",
        action: "failed",
        status: "5.1.1",
        diagnostic: "No such user",
        remote: "",
        lastTryAtMs: 0,
      },
    ],
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
  assert.equal(draft.message.textBytes, draft.text.length);
  assert.deepEqual(queries, [
    {
      origin: draft.message.origin,
      via: "internal",
      tls: false,
      reversePath: "",
      forwardPath: "alice@example.com",
    },
  ]);
  assert.match(Buffer.from(draft.text).toString(), /\r\nSubject: hello\r\n\r\n--/);
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
  ] as const;
  for (const [message, why] of cases) {
    const { draft, queries } = await write(message, ACCEPTED);
    assert.deepEqual(draft, { kind: "dropped", why });
    assert.equal(queries.length, 0);
  }
});

test("A bounce that no rule takes is dropped and says why; one that cannot be routed now waits", async () => {
  const none = await write(MESSAGE, { kind: "rejected", rule: "", why: "no rule matches" });
  assert.deepEqual(none.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: no rule matches",
  });
  const refused = await write(MESSAGE, {
    kind: "rejected",
    rule: "smtpd.conf:9",
    why: "no such user",
  });
  assert.deepEqual(refused.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: refused by smtpd.conf:9: no such user",
  });
  const nobody = await write(MESSAGE, { kind: "accepted", envelopes: [] });
  assert.deepEqual(nobody.draft, {
    kind: "dropped",
    why: "Bounce to <alice@example.com> has nowhere to go: it expands to nobody",
  });
  const later = await write(MESSAGE, { kind: "unavailable", why: "down" });
  assert.deepEqual(later.draft, { kind: "unavailable" });
});

const HEADERS: readonly (readonly [name: string, chunks: readonly string[], header: string])[] = [
  ["ends at the first empty line", ["A: 1\r\nB: 2\r\n\r\nC: 3\r\n"], "A: 1\r\nB: 2\r\n"],
  ["may end across chunks", ["A: 1\r", "\n\r", "\nbody"], "A: 1\r\n"],
  ["is empty when the text begins with an empty line", ["\r\nbody"], ""],
  ["may be the whole text", ["A: 1\r\n"], "A: 1\r\n"],
  ["is cut at a line's end", ["A: 1\r\n", `B: ${"x".repeat(MAX_RETURNED_BYTES)}\r\n`], "A: 1\r\n"],
  ["is left out when it is one endless line", ["x".repeat(2 * MAX_RETURNED_BYTES)], ""],
];

for (const [name, chunks, header] of HEADERS) {
  test(`The returned header ${name}`, async () => {
    const got = await readHeaderBlock(textOf(...chunks));
    assert.equal(Buffer.from(got).toString("latin1"), header);
  });
}

test("The returned header is empty when the text cannot be read", async () => {
  const unreadable: MessageText = {
    bytes: 1,
    chunks: () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new FilesError("EIO", "Cannot read: disk error")),
      }),
    }),
  };
  assert.equal((await readHeaderBlock(unreadable)).length, 0);
});
