/**
 * Which deeds of servers can be behind the words that are ours: what a client says of an
 * attempt in which nothing was said to it.
 */
import type { FarDomain } from "#test/support/far-side/far-side.ts";
import type { Deed, Stage } from "#test/support/far-side/trouble.ts";

type Kind = Deed["kind"];

/** Where a client's words place it, and where its server can be then. */
const STAGES: Readonly<Record<string, readonly Stage[]>> = {
  CONNECT: ["connect"],
  BANNER: ["banner"],
  EHLO: ["ehlo", "banner"],
  HELO: ["ehlo"],
  STARTTLS: ["starttls", "ehlo"],
  TLS: ["handshake", "starttls"],
  AUTH: ["auth"],
  READY: ["idle"],
  // What was sent in one group is answered in one, or not at all; and a connection that a server
  // closes with its last words is found closed by the next message.
  MAIL: ["mail", "rcpt", "data", "idle", "rset", "text", "dot", "taken"],
  RCPT: ["rcpt", "data", "mail"],
  DATA: ["data", "rcpt"],
  BODY: ["text", "data"],
  EOM: ["dot", "taken", "text"],
  RSET: ["rset", "data"],
};

const WORDS: readonly (readonly [RegExp, readonly Kind[]])[] = [
  [/^Connection refused/, ["refuse"]],
  [/^No route to host/, ["unreachable"]],
  [/^Connection timed out/, ["black-hole"]],
  [/^Connection reset by peer/, ["reset", "close", "cut", "reply", "garbage"]],
  [/^Server closed the connection/, ["close", "half-close", "cut", "reset", "reply"]],
  [/^Connection closed/, ["reset", "close", "half-close", "cut"]],
  [/^Timed out/, ["silence", "slow", "drip"]],
  [/^Bad response: /, ["garbage"]],
  [/^Server sent /, ["garbage", "chatter"]],
  [/^Server answered /, ["garbage"]],
  [/TLS|handshake/i, ["close", "reset", "silence", "garbage", "chatter", "cut"]],
];

/** Undefined: the words are not about a server. */
export function misdeedsBehind(
  diagnostic: string,
): ((stage: Stage, kind: Kind) => boolean) | undefined {
  const [, place] = / \(at ([A-Z]+)\)$/.exec(diagnostic) ?? [];
  if (place === undefined) return undefined;
  const stages = STAGES[place] ?? [];
  const kinds = WORDS.find(([words]) => words.test(diagnostic))?.[1] ?? [];
  return (stage, kind) => stages.includes(stage) && kinds.includes(kind);
}

/** What is said of a domain from which no server was found. */
export function isTrueOfDomain(words: string, { naming }: FarDomain): boolean {
  switch (words) {
    case "Temporary failure in MX lookup":
      return naming.kind === "failing";
    case "Domain does not exist":
      return naming.kind === "absent";
    case "Domain does not accept mail":
      return naming.kind === "null-mx";
    case "No MX found for domain":
      return naming.kind === "no-address";
    default:
      return false;
  }
}
