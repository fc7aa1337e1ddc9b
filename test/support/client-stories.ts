/**
 * Stories of a client session: what happens to it, and what it does, in short words.
 */
import { unreachable } from "#base/unreachable.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import { step } from "#protocols/smtp/client-session.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import {
  type ClientAction,
  type ClientEvent,
  type ClientSession,
  type ClientTls,
  type Dialect,
  ENDLESS_PATIENCE,
  type Patience,
} from "#protocols/smtp/client-session-state.ts";
import {
  type ClientFault,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import type { ReceivedReply } from "#protocols/smtp/reply-parser.ts";

export const BROKEN: ClientFault = { kind: "network", message: "Connection reset by peer" };

/** Something that happens: a server's replies in one read ("250 ok|550 no"), or a word below. */
type Happening = string;

export interface Story {
  readonly name: string;
  readonly dialect?: Dialect;
  readonly mail?: Partial<ClientMail>;
  /** "never" if left out. */
  readonly tls?: ClientTls;
  readonly credentials?: ClientCredentials;
  /** Endless if left out. */
  readonly patience?: Patience;
  readonly happens: readonly Happening[];
  /** What the client sends, verdicts and other results, in order. */
  readonly does: readonly string[];
}

export const EHLO = "EHLO client.example";
export const PLAIN: readonly string[] = ["220 hi", "250 mx"];
export const PIPELINED: readonly string[] = ["220 hi", "250-mx/PIPELINING"];
export const GROUP = "MAIL FROM:<a@x> RCPT TO:<b@y> RCPT TO:<c@y> DATA";

/** "250-mx/SIZE 5" is a reply of two lines. */
function parseReplies(text: string): readonly ReceivedReply[] {
  return text
    .split("|")
    .filter(Boolean)
    .map((reply) => ({ code: Number(reply.slice(0, 3)), lines: reply.slice(4).split("/") }));
}

function eventOf(happening: Happening, mail: ClientMail, patience: Patience): ClientEvent {
  switch (happening) {
    case "MAIL":
      return { type: "mail", mail, nowMs: 0, patience };
    case "CHUNK":
      return { type: "chunk-sent" };
    case "SENT":
      return { type: "text-sent" };
    case "BREAK":
      return { type: "broken", fault: BROKEN };
    case "QUIT":
      return { type: "quit" };
    case "SECURED":
      return { type: "secured", isProven: false };
    case "PROVEN":
      return { type: "secured", isProven: true };
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
    case "send-secret":
      return [action.line.trimEnd()];
    case "send-text":
      return [action.by === "DATA" ? "text" : action.body === "octets" ? "chunk" : "chunks"];
    case "refused":
      return [`failed ${action.stage} ${action.reply.code} ${action.reply.lines.join("/")}`];
    case "unreachable":
      return [`failed ${action.stage} ${action.fault.message}`];
    case "verdicts":
      return action.verdicts.map(describeVerdict);
    case "not-started":
      return [`not started: ${formatVerdict(action.verdict)}`];
    case "ready":
    case "secure":
    case "close":
      return [action.type];
    default:
      return unreachable(action);
  }
}

export function startSession(
  dialect: Dialect,
  { tls = "never", credentials }: Pick<Story, "tls" | "credentials"> = {},
): ClientSession {
  const helo = "client.example";
  return { phase: "greeting", dialect, helo, ownName: undefined, tls, credentials };
}

export const MAIL: ClientMail = {
  reversePath: "a@x",
  forwardPaths: ["b@y", "c@y"],
  textBytes: 100,
  is8bit: false,
};

/** What the session of a story does. */
export function tellStory(story: Story): readonly string[] {
  let session = startSession(story.dialect ?? "smtp", story);
  const mail = { ...MAIL, ...story.mail };
  const does: string[] = [];
  for (const happening of story.happens) {
    const event = eventOf(happening, mail, story.patience ?? ENDLESS_PATIENCE);
    const [next, ...actions] = step(session, event);
    session = next;
    for (const action of actions) does.push(...describe(action));
  }
  return does;
}
