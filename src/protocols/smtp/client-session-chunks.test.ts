import assert from "node:assert/strict";
import { test } from "node:test";
import { EHLO, MAIL, startSession, type Story, tellStory } from "#test/support/client-stories.ts";
import { step } from "./client-session.ts";
import { ENDLESS_PATIENCE } from "./client-session-state.ts";
import { CHUNKED_FROM_BYTES } from "./client-session-transaction.ts";

const LARGE = { forwardPaths: ["b@y"], textBytes: CHUNKED_FROM_BYTES };
const BEGUN = ["220 hi", "250-mx/CHUNKING/PIPELINING", "MAIL", "250 ok|250 ok"];
const GROUP = [EHLO, "ready", "MAIL FROM:<a@x> RCPT TO:<b@y>", "chunks"];

const STORIES: readonly Story[] = [
  {
    name: "sends a large text in chunks, which are answered as they come",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "CHUNK", "250 one|250 two", "CHUNK", "SENT", "250 three|250 id"],
    does: [...GROUP, "accepted EOM 250 id"],
  },
  {
    name: "sends a text that is not large by DATA",
    mail: { ...LARGE, textBytes: CHUNKED_FROM_BYTES - 1 },
    happens: ["220 hi", "250-mx/CHUNKING/PIPELINING", "MAIL"],
    does: [EHLO, "ready", "MAIL FROM:<a@x> RCPT TO:<b@y> DATA"],
  },
  {
    name: "sends a large text by DATA to a server that has not shown to take chunks",
    mail: { ...LARGE, chunks: "never" },
    happens: ["220 hi", "250-mx/CHUNKING/PIPELINING", "MAIL"],
    does: [EHLO, "ready", "MAIL FROM:<a@x> RCPT TO:<b@y> DATA"],
  },
  {
    name: "sends nothing more of a text once a chunk was refused",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "CHUNK", "552 too much"],
    does: [...GROUP, "refused BODY 552 too much", "close"],
  },
  {
    name: "takes the refusal of a chunk for that of the text when all of it has left",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "CHUNK", "SENT", "250 one|452 full|250 id"],
    does: [...GROUP, "refused BODY 452 full", "close"],
  },
  {
    name: "takes what is answered before the last chunk for no answer to it",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "SENT", "250 one", "BREAK"],
    does: [...GROUP, "undecided EOM Connection reset by peer", "close"],
  },
  {
    name: "takes no more answers than there were chunks",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "250 one|250 two"],
    does: [...GROUP, "undecided BODY Server sent a reply that was not asked for", "close"],
  },
  {
    name: "takes no leave for a chunk, which needs none",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "354 go"],
    does: [...GROUP, "undecided BODY Server answered BODY with 354", "close"],
  },
  {
    name: "starts anew without chunks where BDAT was offered and is not known",
    mail: LARGE,
    happens: [...BEGUN, "CHUNK", "500 what?"],
    does: [...GROUP, "not started: Server answered BDAT with 500 (at BODY)", "close"],
  },
  {
    name: "has no other way for octets that are no lines",
    mail: { ...LARGE, needs: { utf8: false, eightBit: false, binary: true, requireTls: false } },
    happens: [
      "220 hi",
      "250-mx/CHUNKING/BINARYMIME/PIPELINING",
      "MAIL",
      "250 ok|250 ok",
      "CHUNK",
      "502 what?",
    ],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x> BODY=BINARYMIME RCPT TO:<b@y>",
      "chunk",
      "refused BODY 502 what?",
      "close",
    ],
  },
  {
    name: "gets an answer for each recipient of LMTP after the last chunk alone",
    dialect: "lmtp",
    mail: { ...LARGE, forwardPaths: ["b@y", "c@y"] },
    happens: [
      "220 hi",
      "250-mx/CHUNKING/PIPELINING",
      "MAIL",
      "250 ok|250 ok|250 ok",
      "CHUNK",
      "SENT",
      "250 one|250 id|452 full",
    ],
    does: [
      "LHLO client.example",
      "ready",
      "MAIL FROM:<a@x> RCPT TO:<b@y> RCPT TO:<c@y>",
      "chunks",
      "accepted EOM 250 id",
      "refused EOM 452 full",
    ],
  },
];

for (const story of STORIES) {
  test(`client session ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}

test("client session lets one chunk leave at a time to a server that does not pipeline", () => {
  const mail = { ...MAIL, ...LARGE };
  let session = startSession("smtp");
  const hear = (code: number, ...lines: readonly string[]): void => {
    const replies = [{ code, lines }];
    [session] = step(session, { type: "replies", replies, fault: undefined });
  };
  hear(220, "hi");
  hear(250, "mx", "CHUNKING");
  [session] = step(session, { type: "mail", mail, nowMs: 0, patience: ENDLESS_PATIENCE });
  hear(250, "ok");
  hear(250, "ok");
  [session] = step(session, { type: "chunk-sent" });
  assert.throws(() => step(session, { type: "chunk-sent" }), TypeError);
  hear(250, "one");
  [session] = step(session, { type: "chunk-sent" });
  assert.equal(session.phase, "text");
});
