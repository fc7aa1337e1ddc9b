/**
 * What a check of the host comes to.
 *
 * `unknown` is its own answer: nobody could say, or nobody was asked. It is neither health nor
 * sickness, and never stands for one of them.
 */
export const HEALTHS = ["ok", "warn", "fail", "unknown"] as const;
export type Health = (typeof HEALTHS)[number];

export interface Verdict {
  readonly health: Health;
  /** What was found. May have texts of strangers: whoever shows it makes them visible. */
  readonly found: string;
  /** What to do; "" if nothing is to be done. */
  readonly advice: string;
}

/** One question to the host. */
export interface Check {
  /** A word, the same in each release: programs go by it. */
  readonly name: string;
  /** What is looked at: a domain, an address, a path; "" where there is one of it. */
  readonly subject: string;
  /** @throws only for a fault of ours. */
  readonly look: () => Promise<Verdict>;
}

export interface Checked extends Verdict {
  readonly name: string;
  readonly subject: string;
}

export function ok(found: string, advice = ""): Verdict {
  return { health: "ok", found, advice };
}

export function warn(found: string, advice: string): Verdict {
  return { health: "warn", found, advice };
}

export function fail(found: string, advice: string): Verdict {
  return { health: "fail", found, advice };
}

export function unknown(found: string, advice = ""): Verdict {
  return { health: "unknown", found, advice };
}

/** For what somebody did not answer. */
export function noAnswer(what: string, cause: Error): Verdict {
  return unknown(`${what}: ${cause.message}`, "ask again later");
}
