/**
 * Reverse names of clients, remembered for a while and shared by all sessions.
 *
 * Nobody waits longer than REVERSE_WAIT_MS. At most MAX_REVERSE_NAMES are kept; the
 * one that was not asked for the longest goes first. A name that is no host name
 * counts as none. The name is what the reverse tree says, and anybody may write there;
 * whether the name has the address as well is a fact beside it.
 *
 * Source: OpenSMTPD's smtp_session.c and fcrdns in smtpd.conf(5); RFC 8601 §3 (iprev).
 */
import { parseIpAddress } from "#base/ip-address.ts";
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { DnsAnswer, Resolver } from "#base/ports/resolver.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { type Fcrdns, UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import {
  MAX_REVERSE_NAMES,
  REVERSE_ABSENT_TTL_MS,
  REVERSE_FOUND_TTL_MS,
  REVERSE_UNAVAILABLE_TTL_MS,
  REVERSE_WAIT_MS,
} from "./limits.ts";

const TOO_LATE: DnsAnswer<never> = Object.freeze({
  kind: "unavailable",
  cause: new Error("No answer in time"),
});

export interface ReverseName {
  /** Or UNKNOWN_HOSTNAME. */
  readonly hostname: string;
  readonly fcrdns: Fcrdns;
}

interface Remembered {
  /** A promise while DNS is being asked. */
  readonly name: ReverseName | Promise<ReverseName>;
  readonly untilMs: number;
}

export class ReverseNames {
  readonly #clock: Clock;
  readonly #resolver: Resolver;
  /** In the order in which they were last asked for. */
  readonly #byAddress = new Map<string, Remembered>();

  constructor(clock: Clock, resolver: Resolver) {
    this.#clock = clock;
    this.#resolver = resolver;
  }

  /** The name of `address` or UNKNOWN_HOSTNAME: at once if it is remembered. Never rejects. */
  lookup(address: string): ReverseName | Promise<ReverseName> {
    const remembered = this.#byAddress.get(address);
    if (remembered !== undefined && remembered.untilMs > this.#clock.monotonicMs()) {
      this.#remember(address, remembered);
      return remembered.name;
    }
    const name = this.#ask(address);
    this.#remember(address, { name, untilMs: this.#clock.monotonicMs() + REVERSE_WAIT_MS });
    return name;
  }

  async #ask(address: string): Promise<ReverseName> {
    const { promise: late, resolve } = Promise.withResolvers<DnsAnswer<never>>();
    const cancel = this.#clock.after(REVERSE_WAIT_MS, () => resolve(TOO_LATE));
    const answer = await Promise.race([this.#resolver.pointer(address), late]);
    const { hostname, ttlMs } = judge(answer);
    const unnamed = answer.kind === "unavailable" ? "error" : "fail";
    const fcrdns =
      hostname === UNKNOWN_HOSTNAME
        ? unnamed
        : confirmed(address, await Promise.race([this.#resolver.addresses(hostname), late]));
    cancel();
    const name: ReverseName = { hostname, fcrdns };
    const untilMs =
      this.#clock.monotonicMs() + (fcrdns === "error" ? REVERSE_UNAVAILABLE_TTL_MS : ttlMs);
    this.#remember(address, { name, untilMs });
    return name;
  }

  #remember(address: string, remembered: Remembered): void {
    this.#byAddress.delete(address);
    this.#byAddress.set(address, remembered);
    keepLatest(this.#byAddress, MAX_REVERSE_NAMES);
  }
}

function judge(answer: DnsAnswer<readonly string[]>): {
  readonly hostname: string;
  readonly ttlMs: number;
} {
  if (answer.kind === "unavailable")
    return { hostname: UNKNOWN_HOSTNAME, ttlMs: REVERSE_UNAVAILABLE_TTL_MS };
  const hostname = answer.kind === "found" ? answer.value.find(isHostName) : undefined;
  if (hostname === undefined) return { hostname: UNKNOWN_HOSTNAME, ttlMs: REVERSE_ABSENT_TTL_MS };
  return { hostname, ttlMs: REVERSE_FOUND_TTL_MS };
}

/** Whether a name with these addresses has `address`. */
function confirmed(address: string, answer: DnsAnswer<readonly string[]>): Fcrdns {
  if (answer.kind === "unavailable") return "error";
  if (answer.kind === "absent") return "fail";
  const words = parseIpAddress(address)?.words.join(".");
  const has = answer.value.some((each) => parseIpAddress(each)?.words.join(".") === words);
  return has ? "pass" : "fail";
}
