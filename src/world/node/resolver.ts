/**
 * DNS through the machine's name servers (c-ares), never through getaddrinfo,
 * which would block a thread that file operations need.
 *
 * Addresses: the hosts file first, then A and AAAA together. One of the two
 * answers is enough; "unavailable" only if none was found and one of them
 * failed. IPv6 is tried first on a machine that has such an address, last
 * elsewhere. No search domains are added (RFC 5321 §2.3.5 wants full names).
 */
import dns from "node:dns";
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { DnsAnswer, MxRecord, Resolver } from "#base/ports/resolver.ts";
import { type HostsFile, openHostsFile } from "./hosts-file.ts";
import { reverseName } from "./reverse-name.ts";

export interface NodeResolverSettings {
  /** `ADDRESS` or `ADDRESS:PORT`; those of resolv.conf(5) if left out. */
  readonly servers?: readonly string[];
  /** For one try of one server; it grows with each further try. */
  readonly timeoutMs?: number;
  readonly tries?: number;
  /** "/etc/hosts" if left out. */
  readonly hostsPath?: string;
}

const DEFAULT_TIMEOUT_MS = 3_000;
const DEFAULT_TRIES = 3;

/** The machine's resolver. Reads the hosts file at once and watches for changes of it. */
export function nodeResolver(settings: NodeResolverSettings = {}): Resolver {
  const resolver = new dns.promises.Resolver({
    timeout: settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    tries: settings.tries ?? DEFAULT_TRIES,
  });
  if (settings.servers !== undefined) resolver.setServers(settings.servers);
  const hosts = openHostsFile(settings.hostsPath ?? "/etc/hosts");
  const firstFamily = hasGlobalIpv6() ? 6 : 4;
  return {
    mx: (domain) => answer(mx(resolver, domain)),
    addresses: (host) => addresses(resolver, hosts, host, firstFamily),
    // Not `reverse`, which turns a server's failure into ENOTFOUND.
    pointer: (address) => answer(resolver.resolvePtr(reverseName(address))),
  };
}

async function mx(resolver: dns.promises.Resolver, domain: string): Promise<readonly MxRecord[]> {
  const records = await resolver.resolveMx(domain);
  return records.map(({ priority, exchange }) => ({ preference: priority, exchange }));
}

async function addresses(
  resolver: dns.promises.Resolver,
  hosts: HostsFile,
  host: string,
  firstFamily: 4 | 6,
): Promise<DnsAnswer<readonly string[]>> {
  if (isIP(host) !== 0) return { kind: "found", value: [host] };
  const known = hosts.addresses(host);
  if (known !== undefined) return { kind: "found", value: known };
  const [ipv4, ipv6] = await Promise.all([
    answer<readonly string[]>(resolver.resolve4(host)),
    answer<readonly string[]>(resolver.resolve6(host)),
  ]);
  const [first, second] = firstFamily === 6 ? [ipv6, ipv4] : [ipv4, ipv6];
  const value = [first, second].flatMap((each) => (each.kind === "found" ? each.value : []));
  if (value.length > 0) return { kind: "found", value };
  // Absent only if both say so: RFC 5321 §5.1 gives up on absence, and tries again on failure.
  if (first.kind === "unavailable") return first;
  if (second.kind === "unavailable") return second;
  const exists = [first, second].some(
    (each) => each.kind === "absent" && each.why === "no-records",
  );
  return { kind: "absent", why: exists ? "no-records" : "no-domain" };
}

async function answer<Value>(asked: Promise<Value>): Promise<DnsAnswer<Value>> {
  try {
    return { kind: "found", value: await asked };
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    switch (cause.code) {
      case dns.NOTFOUND:
      case dns.BADNAME: // a label of 64 octets, or an empty one: no such domain can exist (RFC 1035 §2.3.4)
        return { kind: "absent", why: "no-domain" };
      case dns.NODATA:
        return { kind: "absent", why: "no-records" };
      case undefined:
      default:
        return { kind: "unavailable", cause };
    }
  }
}

function hasGlobalIpv6(): boolean {
  return Object.values(networkInterfaces()).some((interfaces) =>
    interfaces?.some(
      ({ address, internal }) => !internal && isIPv6(address) && !address.startsWith("fe80:"),
    ),
  );
}
