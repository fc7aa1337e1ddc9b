import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { unreachable } from "#base/unreachable.ts";
import { step } from "#protocols/smtp/client-session.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import type {
  ClientAction,
  ClientEvent,
  ClientSession,
  Dialect,
} from "#protocols/smtp/client-session-state.ts";
import {
  type ClientFault,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import type { ReceivedReply } from "#protocols/smtp/reply-parser.ts";

const BROKEN: ClientFault = { kind: "network", message: "Connection reset by peer" };

/** Something that happens: a server's replies in one read ("250 ok|550 no"), or a word below. */
type Happening = string;

interface Story {
  readonly name: string;
  readonly dialect?: Dialect;
  readonly mail?: Partial<ClientMail>;
  readonly happens: readonly Happening[];
  /** What the client sends, verdicts and other results, in order. */
  readonly does: readonly string[];
}

const EHLO = "EHLO client.example";
const PLAIN = ["220 hi", "250 mx"];
const PIPELINED = ["220 hi", "250-mx/PIPELINING"];
const GROUP = "MAIL FROM:<a@x> RCPT TO:<b@y> RCPT TO:<c@y> DATA";

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
    does: [EHLO, "ready", "unsendable Address needs SMTPUTF8, which the server does not offer"],
  },
  {
    name: "quits when asked, and closes at the reply",
    happens: [...PLAIN, "QUIT", "221 bye"],
    does: [EHLO, "ready", "QUIT", "close"],
  },
];

/** "250-mx/SIZE 5" is a reply of two lines. */
function parseReplies(text: string): readonly ReceivedReply[] {
  return text
    .split("|")
    .filter(Boolean)
    .map((reply) => ({ code: Number(reply.slice(0, 3)), lines: reply.slice(4).split("/") }));
}

function eventOf(happening: Happening, mail: ClientMail): ClientEvent {
  switch (happening) {
    case "MAIL":
      return { type: "mail", mail };
    case "SENT":
      return { type: "text-sent" };
    case "BREAK":
      return { type: "broken", fault: BROKEN };
    case "QUIT":
      return { type: "quit" };
    default:
      return { type: "replies", replies: parseReplies(happening), fault: undefined };
  }
}

function describeVerdict(verdict: Verdict): string {
  if (verdict.kind === "unsendable") return `unsendable ${formatVerdict(verdict)}`;
  const words = verdict.kind === "undecided" ? verdict.fault.message : formatVerdict(verdict);
  return `${verdict.kind} ${verdict.stage} ${words}`;
}

function describe(action: ClientAction): readonly string[] {
  switch (action.type) {
    case "send":
      return [action.commands.trimEnd().replaceAll("\r\n", " ")];
    case "send-text":
      return ["text"];
    case "refused":
      return [`failed ${action.stage} ${action.reply.code} ${action.reply.lines.join("/")}`];
    case "unreachable":
      return [`failed ${action.stage} ${action.fault.message}`];
    case "verdicts":
      return action.verdicts.map(describeVerdict);
    case "not-started":
      return [`not started: ${formatVerdict(action.verdict)}`];
    case "ready":
    case "close":
      return [action.type];
    default:
      return unreachable(action);
  }
}

function start(dialect: Dialect): ClientSession {
  return { phase: "greeting", dialect, helo: "client.example" };
}

const MAIL: ClientMail = {
  reversePath: "a@x",
  forwardPaths: ["b@y", "c@y"],
  textBytes: 100,
  is8bit: false,
};

for (const story of STORIES) {
  test(`client session ${story.name}`, () => {
    let session = start(story.dialect ?? "smtp");
    const does: string[] = [];
    for (const happening of story.happens) {
      const [next, ...actions] = step(session, eventOf(happening, { ...MAIL, ...story.mail }));
      session = next;
      for (const action of actions) does.push(...describe(action));
    }
    assert.deepEqual(does, story.does);
  });
}

test("client session throws when the driver sends a mail out of turn", () => {
  assert.throws(() => step(start("smtp"), { type: "mail", mail: MAIL }), TypeError);
  assert.throws(() => step(start("smtp"), { type: "text-sent" }), TypeError);
});

test("client session accepts a recipient only by a 2xx after the text, whatever the server says", () => {
  const codes = fc.constantFrom(220, 250, 251, 354, 421, 450, 500, 550);
  const reads = fc.array(fc.array(codes, { minLength: 1, maxLength: 5 }), { maxLength: 14 });
  const extensions = fc.constantFrom("mx", "mx/PIPELINING");
  fc.assert(
    fc.property(
      fc.constantFrom<Dialect>("smtp", "lmtp"),
      extensions,
      reads,
      (dialect, ehlo, script) => {
        let session = start(dialect);
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
        take({ type: "mail", mail: MAIL });
        for (const read of script) {
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
