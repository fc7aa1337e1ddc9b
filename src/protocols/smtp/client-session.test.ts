import assert from "node:assert/strict";
import { test } from "node:test";
import {
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
import { ENDLESS_PATIENCE } from "./client-session-state.ts";

const BINARY = {
  forwardPaths: ["b@y"],
  needs: { utf8: false, eightBit: false, binary: true, requireTls: false },
};
const CHUNKS = ["220 hi", "250-mx/PIPELINING/CHUNKING/BINARYMIME"];
const CHUNK_GROUP = "MAIL FROM:<a@x> BODY=BINARYMIME RCPT TO:<b@y> RCPT TO:<c@y>";

const STORIES: readonly Story[] = [
  {
    name: "sends one command at a time to a server without PIPELINING",
    happens: [...PLAIN, "MAIL", "250 ok", "250 ok", "250 ok", "354 go", "SENT", "250 2.0.0 id"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<b@y>",
      "RCPT TO:<c@y>",
      "DATA",
      "text",
      "accepted EOM 250 2.0.0 id",
      "accepted EOM 250 2.0.0 id",
    ],
  },
  {
    name: "sends MAIL, RCPT and DATA as one group where PIPELINING is offered",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 5.1.1 no", "354 go", "SENT", "250 id"],
    does: [EHLO, "ready", GROUP, "text", "accepted EOM 250 id", "refused RCPT 550 5.1.1 no"],
  },
  {
    name: "falls back to HELO, and then expects no extensions",
    happens: ["220 hi", "502 what", "250-mx/PIPELINING", "MAIL", "451 later"],
    does: [
      EHLO,
      "HELO client.example",
      "ready",
      "MAIL FROM:<a@x>",
      "refused MAIL 451 later",
      "refused MAIL 451 later",
    ],
  },
  {
    name: "does not fall back to HELO when EHLO is refused for now",
    happens: ["220 hi", "451 later"],
    does: [EHLO, "failed EHLO 451 later", "QUIT"],
  },
  {
    name: "leaves after a greeting that refuses",
    happens: ["554 no", "221 bye"],
    does: ["failed BANNER 554 no", "QUIT", "close"],
  },
  {
    name: "closes after a 421 greeting",
    happens: ["421 busy"],
    does: ["failed BANNER 421 busy", "close"],
  },
  {
    name: "resets when every recipient is refused",
    happens: [...PLAIN, "MAIL", "250 ok", "550 no", "450 later", "250 reset"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x>",
      "RCPT TO:<b@y>",
      "RCPT TO:<c@y>",
      "RSET",
      "refused RCPT 550 no",
      "refused RCPT 450 later",
    ],
  },
  {
    name: "resets when a pipelined group is refused",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|550 no|503 none", "250 reset"],
    does: [EHLO, "ready", GROUP, "RSET", "refused RCPT 550 no", "refused RCPT 550 no"],
  },
  {
    name: "sends a lone dot after a 354 to a group without recipients (RFC 2920 §3.1)",
    happens: [...PIPELINED, "MAIL", "250 ok|550 no|550 no|354 go", "554 nothing"],
    does: [EHLO, "ready", GROUP, ".", "refused RCPT 550 no", "refused RCPT 550 no"],
  },
  {
    name: "sends no dot that would deliver an empty message",
    happens: [...PIPELINED, "MAIL", "550 no|250 ok|550 no|354 go"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "undecided DATA Server answered DATA with 354",
      "undecided DATA Server answered DATA with 354",
      "close",
    ],
  },
  {
    name: "needs no reset after a refused MAIL",
    happens: [...PIPELINED, "MAIL", "550 no|503 a|503 b|503 c"],
    does: [EHLO, "ready", GROUP, "refused MAIL 550 no", "refused MAIL 550 no"],
  },
  {
    name: "applies a refused DATA to the recipients that were accepted",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|451 later", "250 reset"],
    does: [EHLO, "ready", GROUP, "RSET", "refused DATA 451 later", "refused RCPT 550 no"],
  },
  {
    name: "quits when RSET is refused",
    happens: [...PIPELINED, "MAIL", "250 ok|250 ok|550 no|451 later", "500 what", "221 bye"],
    does: [
      EHLO,
      "ready",
      GROUP,
      "RSET",
      "refused DATA 451 later",
      "refused RCPT 550 no",
      "QUIT",
      "close",
    ],
  },
  {
    name: "takes a reply for each recipient in LMTP",
    dialect: "lmtp",
    happens: [
      "220 hi",
      "250-l/PIPELINING",
      "MAIL",
      "250 ok|250 ok|250 ok|354 go",
      "SENT",
      "250 one",
      "452 full",
    ],
    does: [
      "LHLO client.example",
      "ready",
      GROUP,
      "text",
      "accepted EOM 250 one",
      "refused EOM 452 full",
    ],
  },
  {
    name: "expects no LMTP reply for a recipient that was refused",
    dialect: "lmtp",
    happens: [
      "220 hi",
      "250-l/PIPELINING",
      "MAIL",
      "250 ok|550 no|250 ok|354 go",
      "SENT",
      "250 two",
    ],
    does: [
      "LHLO client.example",
      "ready",
      GROUP,
      "text",
      "refused RCPT 550 no",
      "accepted EOM 250 two",
    ],
  },
  {
    name: "defers the LMTP recipients that got no reply",
    dialect: "lmtp",
    happens: [
      "220 hi",
      "250-l/PIPELINING",
      "MAIL",
      "250 ok|250 ok|250 ok|354 go",
      "SENT",
      "250 one",
      "BREAK",
    ],
    does: [
      "LHLO client.example",
      "ready",
      GROUP,
      "text",
      "accepted EOM 250 one",
      "undecided EOM Connection reset by peer",
      "close",
    ],
  },
  {
    name: "lets a 421 speak for the LMTP recipients after it",
    dialect: "lmtp",
    happens: [
      "220 hi",
      "250-l/PIPELINING",
      "MAIL",
      "250 ok|250 ok|250 ok|354 go",
      "SENT",
      "421 bye",
    ],
    does: [
      "LHLO client.example",
      "ready",
      GROUP,
      "text",
      "refused EOM 421 bye",
      "refused EOM 421 bye",
      "close",
    ],
  },
  {
    name: "does not fall back from LHLO",
    dialect: "lmtp",
    happens: ["220 hi", "500 what"],
    does: ["LHLO client.example", "failed LHLO 500 what", "QUIT"],
  },
  {
    name: "says SIZE and BODY=8BITMIME where they are offered",
    mail: { is8bit: true, forwardPaths: ["b@y"] },
    happens: ["220 hi", "250-mx/size 1000/8bitmime", "MAIL"],
    does: [EHLO, "ready", "MAIL FROM:<a@x> SIZE=100 BODY=8BITMIME"],
  },
  {
    name: "does not send a message that is larger than the server takes",
    mail: { textBytes: 1001, forwardPaths: ["b@y"] },
    happens: ["220 hi", "250-mx/SIZE 1000", "MAIL"],
    does: [EHLO, "ready", "unsendable Message is larger than the server takes"],
  },
  {
    name: "takes SIZE 0 and nonsense for no limit",
    mail: { textBytes: 1001, forwardPaths: ["b@y"] },
    happens: ["220 hi", "250-mx/SIZE 0/SIZE 5/SIZE=-1/AUTH", "MAIL"],
    does: [EHLO, "ready", "MAIL FROM:<a@x> SIZE=1001"],
  },
  {
    name: "does not send an address that would break out of its line",
    mail: { forwardPaths: ["b@y>\r\nRCPT TO:<c@z"] },
    happens: [...PLAIN, "MAIL"],
    does: [EHLO, "ready", "unsendable Address cannot be sent over SMTP"],
  },
  {
    name: "sends a quoted local part and the null reverse-path",
    mail: { reversePath: "", forwardPaths: ['"a b>"@y'] },
    happens: [...PIPELINED, "MAIL"],
    does: [EHLO, "ready", 'MAIL FROM:<> RCPT TO:<"a b>"@y> DATA'],
  },
  {
    name: "sends UTF-8 addresses only where SMTPUTF8 is offered",
    mail: { forwardPaths: ["ü@y"] },
    happens: [...PLAIN, "MAIL"],
    does: [EHLO, "ready", "unsendable Message needs SMTPUTF8, which the server does not offer"],
  },
  {
    name: "does not send what DATA cannot carry, nor what must stay under TLS",
    mail: {
      forwardPaths: ["b@y"],
      needs: { utf8: false, eightBit: false, binary: true, requireTls: false },
    },
    happens: [...PLAIN, "MAIL"],
    does: [EHLO, "ready", "unsendable Message needs BINARYMIME, which the server does not offer"],
  },
  {
    name: "does not send lines beyond ASCII to a server that does not say that it takes them",
    mail: {
      forwardPaths: ["b@y"],
      is8bit: true,
      needs: { utf8: false, eightBit: true, binary: false, requireTls: false },
    },
    happens: [...PLAIN, "MAIL"],
    does: [EHLO, "ready", "unsendable Message needs 8BITMIME, which the server does not offer"],
  },
  {
    name: "sends by BDAT what DATA cannot carry",
    mail: BINARY,
    happens: ["220 hi", "250-mx/CHUNKING/BINARYMIME", "MAIL", "250 ok", "250 ok", "SENT", "250 id"],
    does: [
      EHLO,
      "ready",
      "MAIL FROM:<a@x> BODY=BINARYMIME",
      "RCPT TO:<b@y>",
      "chunk",
      "accepted EOM 250 id",
    ],
  },
  {
    name: "sends no chunk in a group, as nobody asks for leave to send it",
    mail: { ...BINARY, forwardPaths: ["b@y", "c@y"] },
    happens: [...CHUNKS, "MAIL", "250 ok|550 no|250 ok", "SENT", "250 id"],
    does: [EHLO, "ready", CHUNK_GROUP, "chunk", "refused RCPT 550 no", "accepted EOM 250 id"],
  },
  {
    name: "sends no chunk when every recipient is refused",
    mail: { ...BINARY, forwardPaths: ["b@y", "c@y"] },
    happens: [...CHUNKS, "MAIL", "250 ok|550 no|550 no", "250 reset"],
    does: [EHLO, "ready", CHUNK_GROUP, "RSET", "refused RCPT 550 no", "refused RCPT 550 no"],
  },
  {
    name: "sends no chunk when MAIL is refused",
    mail: { ...BINARY, forwardPaths: ["b@y", "c@y"] },
    happens: [...CHUNKS, "MAIL", "452 full|503 a|503 b"],
    does: [EHLO, "ready", CHUNK_GROUP, "refused MAIL 452 full", "refused MAIL 452 full"],
  },
  {
    name: "does not send a mail that requires TLS in the clear",
    mail: {
      forwardPaths: ["b@y"],
      needs: { utf8: false, eightBit: false, binary: false, requireTls: true },
    },
    happens: [...PLAIN, "MAIL"],
    does: [
      EHLO,
      "ready",
      "unsendable Message requires TLS, which this server does not promise to go on with",
    ],
  },
  {
    name: "quits when asked, and closes at the reply",
    happens: [...PLAIN, "QUIT", "221 bye"],
    does: [EHLO, "ready", "QUIT", "close"],
  },
];

for (const story of STORIES) {
  test(`client session ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}

test("client session throws when the driver sends a mail out of turn", () => {
  assert.throws(
    () =>
      step(startSession("smtp"), {
        type: "mail",
        mail: MAIL,
        nowMs: 0,
        patience: ENDLESS_PATIENCE,
      }),
    TypeError,
  );
  assert.throws(() => step(startSession("smtp"), { type: "text-sent" }), TypeError);
});
