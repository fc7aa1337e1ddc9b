import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  BROKEN,
  EHLO,
  GROUP,
  MAIL,
  PIPELINED,
  PLAIN,
  startSession,
  type Story,
  tellStory,
} from "#test/support/client-stories.ts";
import { step } from "./client-session.ts";
import {
  type ClientEvent,
  type Dialect,
  ENDLESS_PATIENCE,
  mayChunk,
} from "./client-session-state.ts";
import { CHUNKED_FROM_BYTES } from "./client-session-transaction.ts";
import type { Verdict } from "./client-session-verdict.ts";

const STORIES: readonly Story[] = [
  {
    name: "takes a 421 to MAIL for a connection that had nothing of the mail",
    happens: [...PIPELINED, "MAIL", "421 idle"],
    does: [EHLO, "ready", GROUP, "not started: 421 idle", "close"],
  },
  {
    name: "keeps a refusal and defers the rest at a 421 to RCPT",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|421 bye"],
    does: [EHLO, "ready", GROUP, "refused RCPT 550 no", "refused RCPT 421 bye", "close"],
  },
  {
    name: "closes at a 421 to DATA",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|421 bye"],
    does: [EHLO, "ready", GROUP, "refused DATA 421 bye", "refused RCPT 550 no", "close"],
  },
  {
    name: "closes at a 421 while the text is sent",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|354 go", "421 bye", "SENT"],
    does: [EHLO, "ready", GROUP, "text", "refused BODY 421 bye", "refused RCPT 550 no", "close"],
  },
  {
    name: "closes at a 421 after the text",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|354 go", "SENT", "421 bye"],
    does: [EHLO, "ready", GROUP, "text", "refused EOM 421 bye", "refused RCPT 550 no", "close"],
  },
  {
    name: "closes at a 421 to RSET, with the verdicts",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|550 no|503 no", "421 bye"],
    does: [EHLO, "ready", GROUP, "RSET", "refused RCPT 550 no", "refused RCPT 550 no", "close"],
  },
  {
    name: "closes at a 421 while idle",
    happens: [...PLAIN, "421 idle"],
    does: [EHLO, "ready", "close"],
  },
  {
    name: "believes nothing of a group with a reply too few and the 354 too early",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|354 go"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "undecided RCPT Server answered RCPT with 354",
      "undecided RCPT Server answered RCPT with 354",
      "close",
    ],
  },
  {
    name: "believes nothing of a group with a reply too many",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|250 ok|354 go"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "undecided DATA Server answered DATA with 250",
      "undecided DATA Server answered DATA with 250",
      "close",
    ],
  },
  {
    name: "takes no reply for the text that came before the text",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|250 ok|354 go|250 id"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "undecided BODY Server sent a reply that was not asked for",
      "undecided BODY Server sent a reply that was not asked for",
      "close",
    ],
  },
  {
    name: "takes no reply that came before its command",
    happens: [...PLAIN, "MAIL", "250 ok|250 ok"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "undecided RCPT Server sent a reply that was not asked for",
      "undecided RCPT Server sent a reply that was not asked for",
      "close",
    ],
  },
  {
    name: "takes no second greeting",
    happens: ["220 hi|220 hi"],
    does: ["failed EHLO Server sent a reply that was not asked for", "close"],
  },
  {
    name: "closes at a reply that nobody asked for while idle",
    happens: [...PLAIN, "250 hm"],
    does: [EHLO, "ready", "close"],
  },
  {
    name: "defers when the connection breaks before anything was answered",
    happens: [...PIPELINED, "MAIL", "BREAK"],
    does: [EHLO, "ready", GROUP, "not started: Connection reset by peer (at MAIL)", "close"],
  },
  {
    name: "keeps refusals when the connection breaks after the final dot",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|250 ok|354 go", "SENT", "BREAK"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "text",
      "refused RCPT 550 no",
      "undecided EOM Connection reset by peer",
      "close",
    ],
  },
  {
    name: "counts no 354 as an answer to the text",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|250 ok|354 go", "SENT", "354 again"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "text",
      "undecided EOM Server answered EOM with 354",
      "undecided EOM Server answered EOM with 354",
      "close",
    ],
  },
];

for (const story of STORIES) {
  test(`client session ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}

test("client session accepts a recipient only by a 2xx after the text, whatever the server says", () => {
  const codes = fc.constantFrom(220, 250, 251, 354, 421, 450, 500, 550);
  const reads = fc.array(fc.array(codes, { minLength: 1, maxLength: 5 }), { maxLength: 14 });
  const extensions = fc.constantFrom("mx", "mx/PIPELINING", "mx/PIPELINING/CHUNKING");
  fc.assert(
    fc.property(
      fc.constantFrom<Dialect>("smtp", "lmtp"),
      extensions,
      reads,
      (dialect, ehlo, script) => {
        let session = startSession(dialect);
        let verdicts: readonly Verdict[] | undefined;
        let textSent = false;
        const take = (event: ClientEvent): void => {
          const [next, ...actions] = step(session, event);
          session = next;
          for (const action of actions) {
            if (action.type !== "verdicts") continue;
            assert.equal(verdicts, undefined, "verdicts twice");
            verdicts = action.verdicts;
          }
        };
        take({ type: "replies", replies: [{ code: 220, lines: ["hi"] }], fault: undefined });
        take({
          type: "replies",
          replies: [{ code: 250, lines: ehlo.split("/") }],
          fault: undefined,
        });
        take({
          type: "mail",
          mail: { ...MAIL, textBytes: CHUNKED_FROM_BYTES },
          nowMs: 0,
          patience: ENDLESS_PATIENCE,
        });
        for (const read of script) {
          if (session.phase === "text" && session.tx.chunked && mayChunk(session.tx))
            take({ type: "chunk-sent" });
          const replies = read.map((code) => ({ code, lines: ["x"] }));
          take({ type: "replies", replies, fault: undefined });
          if (session.phase === "text" && script.length % 2 === 0) {
            take({ type: "text-sent" });
            textSent = true;
          }
        }
        take({ type: "broken", fault: BROKEN });
        for (const verdict of verdicts ?? []) {
          if (verdict.kind !== "accepted") continue;
          assert.ok(textSent && verdict.reply.code < 300);
        }
      },
    ),
  );
});
