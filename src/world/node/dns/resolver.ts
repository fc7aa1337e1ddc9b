/**
 * DNS through the machine's name servers, never through getaddrinfo, which would block a
 * thread that file operations need, and not through Node's resolver, which does not tell
 * whether an answer was checked (the AD bit).
 *
 * Addresses: the hosts file first, then A and AAAA together. One of the two
 * answers is enough; "unavailable" only if none was found and one of them
 * failed. IPv6 is tried first on a machine that has such an address, last
 * elsewhere. No search domains are added (RFC 5321 §2.3.5 wants full names).
 */
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { type DnsAnswer, foundUnsigned, type Resolver } from "#base/ports/resolver.ts";
import { type HostsFile, openHostsFile } from "#world/node/hosts-file.ts";
import { reverseName } from "#world/node/reverse-name.ts";
import { dnsName } from "./dns-message.ts";
import { nameServers, systemNameServers } from "./name-servers.ts";
import { Stub } from "./stub.ts";

export interface NodeResolverSettings {
  /** `ADDRESS` or `ADDRESS:PORT`; those of resolv.conf(5) if left out. */
  readonly servers?: readonly string[];
  /** For the first try of each server; twice that for each further one. */
  readonly timeoutMs?: number;
  readonly tries?: number;
  /** "/etc/hosts" if left out. */
  readonly hostsPath?: string;
}

const DEFAULT_TIMEOUT_MS = 3_000;
const DEFAULT_TRIES = 3;

/** The machine's resolver. Reads the hosts file at once and watches for changes of it. */
export function nodeResolver(settings: NodeResolverSettings = {}): Resolver {
  const { servers } = settings;
  const stub = new Stub({
    ...(servers === undefined
      ? systemNameServers("/etc/resolv.conf")
      : nameServers(servers, false)),
    timeoutMs: settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    rounds: settings.tries ?? DEFAULT_TRIES,
  });
  const hosts = openHostsFile(settings.hostsPath ?? "/etc/hosts");
  const firstFamily = hasGlobalIpv6() ? 6 : 4;
  return {
    mx: (domain) =>
      stub.ask(domain, "MX", (record) =>
        record.type === "MX"
          ? { preference: record.data.preference ?? 0, exchange: dnsName(record.data.exchange) }
          : undefined,
      ),
    addresses: (host) => addresses(stub, hosts, host, firstFamily),
    pointer: (address) =>
      stub.ask(reverseName(address), "PTR", (record) =>
        record.type === "PTR" ? dnsName(record.data) : undefined,
      ),
    alias: async (host) => {
      const answer = await stub.ask(host, "CNAME", (record) =>
        record.type === "CNAME" ? dnsName(record.data) : undefined,
      );
      const [value] = answer.kind === "found" ? answer.value : [];
      if (answer.kind !== "found") return answer;
      return { ...answer, value: value ?? "" };
    },
    tlsa: (name) =>
      stub.ask(name, "TLSA", (record) => {
        if (record.type !== "TLSA") return undefined;
        const { usage, selector, matchingType: matching, certificate } = record.data;
        // Not a view: the whole message would be kept.
        return { usage, selector, matching, data: new Uint8Array(certificate) };
      }),
    texts: (name) =>
      stub.ask(name, "TXT", (record) => (record.type === "TXT" ? textOf(record.data) : undefined)),
  };
}

async function addresses(
  stub: Stub,
  hosts: HostsFile,
  host: string,
  firstFamily: 4 | 6,
): Promise<DnsAnswer<readonly string[]>> {
  const known = isIP(host) === 0 ? hosts.addresses(host) : [host];
  // Nobody has signed it.
  if (known !== undefined) return foundUnsigned(known, host);
  const [ipv4, ipv6] = await Promise.all([
    stub.ask(host, "A", (record) => (record.type === "A" ? record.data : undefined)),
    stub.ask(host, "AAAA", (record) => (record.type === "AAAA" ? record.data : undefined)),
  ]);
  return merged(firstFamily === 6 ? [ipv6, ipv4] : [ipv4, ipv6]);
}

type Answer = DnsAnswer<readonly string[]>;

/** What the two families come to. What is found is secure only if all of it is. */
function merged([first, second]: readonly [Answer, Answer]): Answer {
  const found = [first, second].filter((each) => each.kind === "found");
  const [{ owner } = { owner: "" }] = found;
  const isSecure = found.every((each) => each.isSecure);
  const value = found.flatMap((each) => each.value);
  if (value.length > 0) return { kind: "found", value, isSecure, owner };
  // Absent only if both say so: RFC 5321 §5.1 gives up on absence, and tries again on failure.
  if (first.kind !== "absent") return first;
  if (second.kind !== "absent") return second;
  const exists = [first, second].some(({ why }) => why === "no-records");
  return {
    kind: "absent",
    why: exists ? "no-records" : "no-domain",
    isSecure: first.isSecure && second.isSecure,
  };
}

/** RFC 7208 §3.3: the strings of one record are one text. */
function textOf(data: string | Buffer | readonly (string | Buffer)[]): string {
  const parts = typeof data === "string" || Buffer.isBuffer(data) ? [data] : data;
  return parts.map((part) => part.toString()).join("");
}

function hasGlobalIpv6(): boolean {
  return Object.values(networkInterfaces()).some((interfaces) =>
    interfaces?.some(
      ({ address, internal }) => !internal && isIPv6(address) && !address.startsWith("fe80:"),
    ),
  );
}
