/**
 * Whether what the DNS promises of this server's certificate is true. Others that go by it
 * bring no mail at all where it is not.
 *
 * Source: RFC 7672 §2.2, §3.1; RFC 6698.
 */
import type { Resolver } from "#base/ports/resolver.ts";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { matchesTlsa } from "#policy/transport/match-tlsa.ts";
import { formatTlsa, usableTlsa } from "#policy/transport/tlsa.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

/** What this server shows to a client that asks for `name`; empty if nobody could read it. */
export type ChainFor = (name: string) => Promise<readonly ChainCertificate[]>;

export function daneChecks(
  names: readonly string[],
  resolver: Resolver,
  chainFor: ChainFor,
): readonly Check[] {
  return names.map((name) => ({
    name: "dane",
    subject: name,
    look: () => lookAtTlsa(name, resolver, chainFor),
  }));
}

async function lookAtTlsa(name: string, resolver: Resolver, chainFor: ChainFor): Promise<Verdict> {
  const answer = await resolver.tlsa(`_25._tcp.${name}`);
  if (answer.kind === "unavailable") return noAnswer(`TLSA of _25._tcp.${name}`, answer.cause);
  if (answer.kind === "absent") return ok("no DANE: nothing is promised of the certificate");
  const records = usableTlsa(answer.value);
  const advice = "publish TLSA records 3 1 1 of the keys in use, or none";
  if (records.length === 0) return fail("none of its TLSA records can be used for mail", advice);
  const chain = await chainFor(name);
  if (chain.length === 0)
    return unknown("its TLSA records could not be compared: no certificate could be read");
  const matching = records.filter((record) => matchesTlsa([record], chain, [name]));
  if (matching.length === 0)
    return fail("no TLSA record is true of its certificate: mail of others waits", advice);
  if (!answer.isSecure)
    return warn(
      "its TLSA records are true, but no resolver vouches for them",
      "sign the zone, and ask a resolver that checks signatures, on this machine",
    );
  return ok(matching.map(shortTlsa).join(", "));
}

/** The digest in short: people compare its beginning. */
function shortTlsa(record: Parameters<typeof formatTlsa>[0]): string {
  return formatTlsa(record).slice(0, SHOWN_LENGTH);
}

const SHOWN_LENGTH = 24;
