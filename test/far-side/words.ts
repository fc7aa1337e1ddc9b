/** Whether what is said of an attempt is what happened in it. */
import { concerns, isDelivered, type Recipient } from "./recipient.ts";
import type { Attempt } from "./sending-side.ts";
import type { FarHost } from "#test/support/far-side/far-host.ts";
import type { Said } from "#test/support/far-side/far-log.ts";
import { isTrueOfDomain, misdeedsBehind } from "./own-words.ts";

/** Of a kept connection that is taken up again, what came in between can be the answer. */
const KEPT_MS = 15_000;
/** No server is waited for so long. */
const MAX_ATTEMPT_MS = 3 * 3_600_000;

const PUT_ASIDE =
  /^(?:Network error on destination MXs|Destination seem to reject all mails): (.*)$/;
const OF_HOST = /^(\S+) \[(\S+)\]: (.*)$/;
/** Where the words of one host end and those of the next begin. */
const NEXT_HOST = /; (?=\S+ \[\S+\]: )/;

export function wordFaults(recipient: Recipient, attempt: Attempt): readonly string[] {
  if (attempt.result.held !== undefined) return heldFaults(recipient, attempt);
  const said = recipient.log.quoted(attempt.result.diagnostic);
  return said === undefined
    ? ownWordFaults(recipient, attempt)
    : quotedFaults(recipient, attempt, said);
}

/** Words of a server: its own, said then, of this one, and the last that was. */
function quotedFaults(
  recipient: Recipient,
  { attempt, result }: Attempt,
  said: Said,
): readonly string[] {
  const { beganAtMs, tookMs } = attempt;
  const { diagnostic, outcome, remote } = result;
  const endedMs = beganAtMs + tookMs;
  const firstMs = beganAtMs - KEPT_MS;
  const wasThen = said.atMs <= endedMs && (said.atMs >= firstMs || said.sessionBeganMs >= firstMs);
  // Handed on: to a server that offers DSN, and reports itself.
  const isAsTold = isDelivered(outcome)
    ? said.code < 300
    : outcome === outcomeOf(said, recipient, beganAtMs);
  const found: readonly (readonly [boolean, string])[] = [
    [!wasThen, "was not said in the attempt"],
    [!remote.startsWith(`${said.host} [`), `was not said by ${remote}`],
    [!concerns(said, recipient), "was said of another recipient"],
    [!isAsTold, `does not mean ${outcome}`],
    [!isLastOf(said, recipient, endedMs), "was not the last word"],
  ];
  return found.flatMap(([isFault, words]) => (isFault ? [`'${diagnostic}' ${words}`] : []));
}

/** Words of what a route was put aside for: a server of the domain said so, or did it, before. */
function heldFaults(recipient: Recipient, { attempt, result }: Attempt): readonly string[] {
  const { diagnostic, outcome } = result;
  const [, words = ""] = PUT_ASIDE.exec(diagnostic) ?? [];
  const isTrue = outcome === "deferred" && isTrueOfHost(words, recipient, endOf(attempt));
  return isTrue ? [] : [`nothing explains ${outcome} '${diagnostic}'`];
}

/** `HOST [ADDRESS]: what it said, or did`: before a time, but not long before. */
function isTrueOfHost(words: string, { domain, log }: Recipient, untilMs: number): boolean {
  const [, name, address = "", reason = ""] = OF_HOST.exec(words) ?? [];
  const host = domain.hosts.find(({ settings }) => settings.name === name)?.settings;
  if (host?.endpoints.some((each) => each.host === address) !== true) return false;
  const isThen = ({ atMs }: { readonly atMs: number }): boolean =>
    atMs <= untilMs && atMs >= untilMs - MAX_ATTEMPT_MS;
  const said = log.quoted(reason);
  if (said !== undefined) return said.host === name && isThen(said);
  const isBehind = misdeedsBehind(reason);
  return log.misdeeds.some(
    (each) => each.host === name && isThen(each) && isBehind?.(each.stage, each.kind) === true,
  );
}

/** A refusal of the session defers, but for 521 from every server of the domain. (RFC 7504.) */
function outcomeOf(
  { code, stage, about }: Said,
  { domain, log }: Recipient,
  sinceMs: number,
): "deferred" | "failed" {
  if (about.reversePath === "") {
    const isTold = ({ settings: { name } }: FarHost): boolean =>
      log.said.some((each) => each.host === name && each.code === 521 && each.atMs >= sinceMs);
    return code === 521 && stage === "banner" && domain.hosts.every(isTold) ? "failed" : "deferred";
  }
  // RFC 5321 §4.5.3.1.10: an old server has too many recipients.
  const isTooMany = stage === "rcpt" && code === 552;
  return code < 500 || isTooMany ? "deferred" : "failed";
}

/** Whether nothing else was said of this very recipient later. */
function isLastOf(said: Said, { mail, forwardPath, log }: Recipient, untilMs: number): boolean {
  if (said.stage !== "rcpt" || !said.about.forwardPaths.includes(forwardPath)) return true;
  const last = log.said.findLast(
    ({ stage, about, atMs }) =>
      stage === "rcpt" &&
      about.reversePath === mail.reversePath &&
      about.forwardPaths.includes(forwardPath) &&
      atMs <= untilMs,
  );
  return last === said;
}

/** Our words: of the domain, or of what a server of it did, or of what several did. */
function ownWordFaults(recipient: Recipient, { attempt, result }: Attempt): readonly string[] {
  const { diagnostic, outcome, remote } = result;
  const parts = diagnostic.split(NEXT_HOST);
  const ofHosts = remote === "" && OF_HOST.test(diagnostic) ? parts : [`${remote}: ${diagnostic}`];
  const isTrue =
    outcome === "deferred" &&
    ofHosts.every((each) => isTrueOfHost(each, recipient, endOf(attempt)));
  if (isTrue || (remote === "" && isTrueOfDomain(diagnostic, recipient.domain))) return [];
  return [`nothing explains ${outcome} '${diagnostic}'`];
}

function endOf({ beganAtMs, tookMs }: Attempt["attempt"]): number {
  return beganAtMs + tookMs;
}
