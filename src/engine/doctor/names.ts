/**
 * Whether the names of this server lead to it, and its addresses back to a name: most servers
 * take no mail from an address without one.
 *
 * Source: RFC 5321 §4.1.1.1; RFC 8601 §3 (iprev).
 */
import type { Resolver } from "#base/ports/resolver.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

/** Names of one address that are followed. */
const MAX_NAMES = 8;

export interface OwnNames {
  readonly serverName: string;
  /** Those that it greets with. */
  readonly names: readonly string[];
  /** Its public ones; empty behind a translator of addresses. */
  readonly addresses: readonly string[];
}

export function nameChecks(own: OwnNames, resolver: Resolver): readonly Check[] {
  if (own.names.length === 0)
    return [{ name: "name", subject: own.serverName, look: async () => NO_NAME }];
  const ofNames = own.names.map((name) => ({
    name: "name",
    subject: name,
    look: () => lookAtName(name, own, resolver),
  }));
  const ofAddresses = own.addresses.map((address) => ({
    name: "reverse-name",
    subject: address,
    look: () => lookAtAddress(address, own, resolver),
  }));
  if (ofAddresses.length > 0) return [...ofNames, ...ofAddresses];
  const look = (): Promise<Verdict> => behindTranslator(own, resolver);
  return [...ofNames, { name: "reverse-name", subject: "", look }];
}

const NO_NAME: Verdict = fail(
  "this name means nothing to other servers",
  "write the full name of this host, such as mx.example.org, into /etc/mail/mailname",
);

async function lookAtName(name: string, own: OwnNames, resolver: Resolver): Promise<Verdict> {
  const answer = await resolver.addresses(name);
  if (answer.kind === "unavailable") return noAnswer(`addresses of ${name}`, answer.cause);
  if (answer.kind === "absent")
    return fail("the name has no address", "publish an A or AAAA record for it");
  const shown = answer.value.join(", ");
  if (own.addresses.length === 0) return ok(`leads to ${shown}`);
  if (answer.value.some((address) => own.addresses.includes(address)))
    return ok(`leads to ${shown}`);
  return warn(
    `leads to ${shown}, which are not addresses of this machine`,
    "right if they are translated to this machine, else mend its A and AAAA records",
  );
}

/** What the DNS says of the address that connections to others come from. */
async function lookAtAddress(
  address: string,
  { names }: OwnNames,
  resolver: Resolver,
): Promise<Verdict> {
  const answer = await resolver.pointer(address);
  if (answer.kind === "unavailable") return noAnswer(`name of ${address}`, answer.cause);
  const [wanted = ""] = names;
  const advice = `have whoever gives you the address set its reverse name (PTR) to ${wanted}`;
  if (answer.kind === "absent") return fail("the address has no name", advice);
  const found = answer.value.slice(0, MAX_NAMES);
  for (const name of found) {
    const back = await resolver.addresses(name);
    if (back.kind === "unavailable") return noAnswer(`addresses of ${name}`, back.cause);
    if (back.kind === "absent" || !back.value.includes(address)) continue;
    if (names.includes(name.toLowerCase())) return ok(`is ${name}, and back`);
    return warn(`is ${name}, which is not what this server calls itself`, advice);
  }
  return fail(`is ${found.join(", ")}, which does not lead back to it`, advice);
}

async function behindTranslator(own: OwnNames, resolver: Resolver): Promise<Verdict> {
  const answer = await resolver.addresses(own.names[0] ?? "");
  const advice = "name the addresses that others see with --address";
  const [address] = answer.kind === "found" ? answer.value : [];
  if (address === undefined)
    return unknown("this machine has no public address of its own", advice);
  const verdict = await lookAtAddress(address, own, resolver);
  return {
    ...verdict,
    found: `${address}, to which ${own.names[0] ?? ""} leads, ${verdict.found}`,
  };
}
