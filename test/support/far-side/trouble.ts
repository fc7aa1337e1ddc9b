/**
 * What servers of the real world do instead of what RFC 5321 asks of them: where in the
 * conversation, what, and how often.
 *
 * All of it follows from a random source, so that a seed gives the same servers again. The
 * replies are those that are met: RFC 5321 §4.2.3, §4.3.2, RFC 7504 (521).
 */
import { unreachable } from "#base/unreachable.ts";
import type { SimRandom } from "#world/sim/random.ts";

/**
 * Where. "dot" is before the message is taken for good, "taken" after it: whatever is not a
 * reply then leaves the client in the dark (RFC 1047). "idle" is between two transactions.
 */
export type Stage =
  | "connect"
  | "banner"
  | "ehlo"
  | "starttls"
  | "handshake"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "text"
  | "dot"
  | "taken"
  | "rset"
  | "idle"
  | "quit";

/** What. */
export type Deed =
  /** A refusal; the server hangs up after 421. */
  | { readonly kind: "reply"; readonly code: number }
  /** It ends its half, or both, or breaks the connection. */
  | { readonly kind: "half-close" | "close" | "reset" }
  /** Nothing comes any more. */
  | { readonly kind: "silence" }
  /** The usual answer, all of it later; or one octet after the other. */
  | { readonly kind: "slow" | "drip"; readonly delayMs: number }
  /** Half of the usual answer, and then the end. */
  | { readonly kind: "cut" }
  /** The usual answer, and another one that nobody asked for. */
  | { readonly kind: "chatter" }
  | { readonly kind: "garbage"; readonly octets: string }
  /** Of a connection that does not come about. */
  | { readonly kind: "refuse" | "unreachable" | "black-hole" };

/** How often it does so: of connections where it is about one, else of times at the stage. */
export type Recurrence = "always" | "every-second" | "at-random";

export interface Trouble {
  readonly stage: Stage;
  readonly deed: Deed;
  readonly recurs: Recurrence;
  /** From the start of the world on; Infinity: for ever. */
  readonly lastsMs: number;
}

/** How long servers of this world take. */
export interface Pace {
  readonly slowMs: number;
  /** Between two octets. */
  readonly dripMs: number;
  /** How long troubles last. */
  readonly lastsMs: readonly [number, ...number[]];
}

type Kind = Deed["kind"];

/** Breaks in the middle of a conversation, and what only tries patience. */
const BREAKS: readonly Kind[] = ["close", "half-close", "reset", "silence", "garbage", "cut"];
const WAITS: readonly Kind[] = ["slow", "drip"];

/** What happens where: refusals by their codes, and other deeds. */
const HABITS: Readonly<Record<Stage, { codes: readonly number[]; kinds: readonly Kind[] }>> = {
  connect: { codes: [], kinds: ["refuse", "unreachable", "black-hole"] },
  banner: { codes: [421, 450, 521, 554], kinds: [...BREAKS, ...WAITS] },
  ehlo: { codes: [421, 451, 502, 550], kinds: [...BREAKS, ...WAITS] },
  // More than the reply is what an attacker would add (RFC 3207 §4.2).
  starttls: { codes: [421, 454, 501], kinds: [...BREAKS, ...WAITS, "chatter"] },
  handshake: { codes: [], kinds: ["close", "reset", "silence", "garbage"] },
  auth: { codes: [421, 432, 454, 535], kinds: [...BREAKS, ...WAITS] },
  mail: { codes: [421, 451, 452, 550, 553], kinds: [...BREAKS, ...WAITS] },
  rcpt: { codes: [421, 450, 451, 452, 550, 552], kinds: [...BREAKS, ...WAITS] },
  data: { codes: [421, 451, 554], kinds: [...BREAKS, ...WAITS] },
  text: { codes: [421, 552], kinds: ["close", "reset", "silence", "slow"] },
  dot: { codes: [421, 451, 452, 550, 554], kinds: [...BREAKS, ...WAITS] },
  taken: { codes: [], kinds: [...BREAKS, ...WAITS] },
  rset: { codes: [421, 500], kinds: [...BREAKS, ...WAITS] },
  idle: { codes: [421], kinds: ["close", "reset"] },
  quit: { codes: [421, 500], kinds: [...BREAKS, ...WAITS, "chatter"] },
};

/** Twice: where most of it happens. */
const STAGES: readonly [Stage, ...Stage[]] = [
  "connect",
  "connect",
  "banner",
  "ehlo",
  "starttls",
  "handshake",
  "auth",
  "mail",
  "rcpt",
  "rcpt",
  "data",
  "text",
  "dot",
  "taken",
  "rset",
  "idle",
  "quit",
];

/** None of it is a reply: octets, other protocols, codes that differ, lines without an end. */
const GARBAGE: readonly [string, ...string[]] = [
  "\x00\xff\xfe\x80\r\n",
  "SSH-2.0-OpenSSH_9.2\r\n",
  "hello there\r\n",
  "99 bottles\r\n",
  "650 what?\r\n",
  "250-one\r\n550 other\r\n",
  `250 ${"x".repeat(3000)}\r\n`,
  "250-and so on\r\n".repeat(600),
];

export function drawTrouble(random: SimRandom, pace: Pace): Trouble {
  const stage = random.pick(STAGES);
  return {
    stage,
    deed: drawDeed(random, stage, pace),
    recurs: random.pick(["always", "every-second", "at-random"]),
    lastsMs: random.pick(pace.lastsMs),
  };
}

function drawDeed(random: SimRandom, stage: Stage, pace: Pace): Deed {
  const { codes, kinds } = HABITS[stage];
  // As often a refusal as anything else, where there is one.
  const [code, ...others] = codes;
  if (code !== undefined && random.chance(50))
    return { kind: "reply", code: random.pick([code, ...others]) };
  const [first, ...rest] = kinds;
  if (first === undefined) throw new TypeError(`Cannot draw a deed: ${stage} has none`);
  return deedOf(random.pick([first, ...rest]), random, pace);
}

function deedOf(kind: Kind, random: SimRandom, { slowMs, dripMs }: Pace): Deed {
  switch (kind) {
    case "slow":
      return { kind, delayMs: 1 + random.below(slowMs) };
    case "drip":
      return { kind, delayMs: 1 + random.below(dripMs) };
    case "garbage":
      return { kind, octets: random.pick(GARBAGE) };
    case "reply":
      throw new TypeError("Cannot draw a reply without its codes");
    case "half-close":
    case "close":
    case "reset":
    case "silence":
    case "cut":
    case "chatter":
    case "refuse":
    case "unreachable":
    case "black-hole":
      return { kind };
    default:
      return unreachable(kind);
  }
}
