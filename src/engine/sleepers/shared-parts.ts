/**
 * What many envelopes that wait have in common, and when two of a kind are equal: origins of
 * messages, what the rules decided, the words of dead hosts.
 */
import { NO_TRAIL, type Origin, type OriginTls, type Transport } from "#model/envelope.ts";
import type { LastWords, Plan } from "#engine/scheduler/record.ts";
import type { ValueTraits } from "./counted-values.ts";

export const ORIGINS: ValueTraits<Origin> = {
  // Of one address many users may come, seldom one user from many addresses.
  keyOf: ({ username, address }) => (username === "" ? address : username),
  isSame: (one, other) =>
    one.kind === other.kind &&
    one.address === other.address &&
    one.hostname === other.hostname &&
    one.fcrdns === other.fcrdns &&
    one.helo === other.helo &&
    one.tag === other.tag &&
    one.username === other.username &&
    isSameTls(one.tls, other.tls),
  kept: (origin) => origin,
};

function isSameTls(one: OriginTls | undefined, other: OriginTls | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.version === other.version &&
    one.cipher === other.cipher &&
    one.bits === other.bits &&
    one.verified === other.verified &&
    one.fingerprints.length === other.fingerprints.length &&
    one.fingerprints.every((each, at) => each === other.fingerprints[at])
  );
}

/** Of transports, without what may be of one envelope alone. */
export const BARE_KINDS = ["mta", "mda", "pipe", "file"] as const;
export type BareKind = (typeof BARE_KINDS)[number];

export function bareKind(transport: Transport): BareKind {
  return transport.kind === "mta" ? "mta" : (transport.listed?.kind ?? "mda");
}

export function bareTransport(kind: BareKind): Transport {
  if (kind === "mta") return { kind };
  const nobody = { kind: "mda", user: "", extension: "" } as const;
  return kind === "mda" ? nobody : { ...nobody, listed: { kind, text: "" } };
}

/** Without trail, user, and the text of a command or file, which may be of one envelope alone. */
export const PLANS: ValueTraits<Plan> = {
  keyOf: ({ rule }) => rule,
  isSame: (one, other) =>
    one.action === other.action &&
    bareKind(one.transport) === bareKind(other.transport) &&
    one.rule === other.rule &&
    one.ttlMs === other.ttlMs,
  kept: ({ action, transport, rule, ttlMs }) => ({
    action,
    transport: bareTransport(bareKind(transport)),
    rule,
    trail: NO_TRAIL,
    ttlMs,
  }),
};

export const WORDS: ValueTraits<LastWords> = {
  keyOf: ({ remote, diagnostic }) => (remote === "" ? diagnostic : remote),
  isSame: (one, other) =>
    one.status === other.status &&
    one.remote === other.remote &&
    one.diagnostic === other.diagnostic &&
    one.limit === other.limit,
  kept: (words) => words,
};
