/**
 * What the DNS has to say of a domain that is served here: who takes its mail, who may send in its name,
 * and how others are to come.
 *
 * What a domain needs to have its mail accepted (MX, SPF) is a failure where it is missing; what makes
 * it better is said.
 *
 * Source: RFC 5321 §5.1, RFC 7505 (MX); RFC 7208; RFC 6376; RFC 7489; RFC 8460 §3.
 */
import { networkHolds, parseIpAddress } from "#base/ip-address.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Http } from "#base/ports/http.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { parseDkimKey } from "#protocols/sender-records/dkim-key.ts";
import { parseDmarc } from "#protocols/sender-records/dmarc-record.ts";
import { formatEndpointUri, parseTlsrptRecord } from "#protocols/tlsrpt/tlsrpt-record.ts";
import { type SpfWalk, walkSpf } from "./spf-walk.ts";
import { lookAtStsPolicy } from "./sts-policy-check.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

/** RFC 7208 §4.6.4. */
const MAX_ASKING_TERMS = 10;
/** RFC 8301 §3.2. */
const MIN_RSA_BITS = 1024;
const GOOD_RSA_BITS = 2048;

export interface DomainSetting {
  readonly resolver: Resolver;
  /** Asked for policies of MTA-STS. */
  readonly http: Pick<Http, "get">;
  /** This server's own, in lower case. */
  readonly names: readonly string[];
  /** Its public addresses. */
  readonly addresses: readonly string[];
  /** Selectors of DKIM that mail is signed with. */
  readonly selectors: readonly string[];
}

export function domainChecks(domain: string, setting: DomainSetting): readonly Check[] {
  const { resolver, selectors } = setting;
  const check = (name: string, look: () => Promise<Verdict>, subject = domain): Check => ({
    name,
    subject,
    look,
  });
  return [
    check("mx", () => lookAtExchangers(domain, setting)),
    check("spf", () => lookAtSpf(domain, setting)),
    ...selectors.map((selector) =>
      check(
        "dkim",
        () => lookAtKey(selector, domain, resolver),
        `${selector}._domainkey.${domain}`,
      ),
    ),
    ...(selectors.length === 0 ? [check("dkim", async () => NO_SELECTOR)] : []),
    check("dmarc", () => lookAtDmarc(domain, resolver)),
    check("mta-sts", () => lookAtStsPolicy(domain, setting)),
    check("tls-rpt", () => lookAtReports(domain, resolver)),
  ];
}

async function lookAtExchangers(
  domain: string,
  { resolver, names, addresses }: DomainSetting,
): Promise<Verdict> {
  const answer = await resolver.mx(domain);
  if (answer.kind === "unavailable") return noAnswer(`MX of ${domain}`, answer.cause);
  const [wanted = "this server"] = names;
  const advice = `publish an MX record of ${domain} that names ${wanted}`;
  if (answer.kind === "absent") return lookAtImplicitExchanger(domain, resolver, addresses, advice);
  if (answer.value.some(({ exchange }) => exchange === ""))
    return fail("the domain says that it takes no mail (a null MX)", advice);
  const hosts = answer.value
    .toSorted((a, b) => a.preference - b.preference)
    .map(({ exchange }) => exchange.toLowerCase());
  const shown = hosts.join(", ");
  if (hosts.some((host) => names.includes(host))) return ok(shown);
  for (const host of hosts.slice(0, MAX_EXCHANGERS)) {
    const found = await resolver.addresses(host);
    if (found.kind === "found" && found.value.some((address) => addresses.includes(address)))
      return ok(`${shown}; ${host} leads here`);
  }
  return warn(`${shown}, and none of them is this server`, advice);
}

const MAX_EXCHANGERS = 8;

/** RFC 5321 §5.1: without MX records the address of the domain itself counts. */
async function lookAtImplicitExchanger(
  domain: string,
  resolver: Resolver,
  own: readonly string[],
  advice: string,
): Promise<Verdict> {
  const found = await resolver.addresses(domain);
  if (found.kind === "unavailable") return noAnswer(`addresses of ${domain}`, found.cause);
  if (found.kind === "absent") return fail("no MX record, and no address", advice);
  const isHere = found.value.some((address) => own.includes(address));
  return warn(
    `no MX record; its address, ${found.value.join(", ")}, is ${isHere ? "this server's" : "another's"}`,
    advice,
  );
}

async function lookAtSpf(domain: string, { resolver, addresses }: DomainSetting): Promise<Verdict> {
  const answer = await walkSpf(domain, resolver);
  switch (answer.kind) {
    case "unavailable":
      return noAnswer(`TXT of ${domain}`, answer.cause);
    case "absent":
      return fail("no SPF record", `publish a TXT record of ${domain}: v=spf1 mx -all`);
    case "wrong":
      return fail(`the SPF record is wrong: ${answer.why}`, "mend the TXT record");
    case "walk":
      return judgeSpf(answer.walk, addresses);
    default:
      return unreachable(answer);
  }
}

function judgeSpf(walk: SpfWalk, addresses: readonly string[]): Verdict {
  const { networks, askingTerms, others, troubles, isPartial } = walk;
  if (others === "pass") return fail("the SPF record lets everybody send", "end it with -all");
  if (askingTerms > MAX_ASKING_TERMS)
    return fail(
      `the SPF record needs ${askingTerms} questions, and ${MAX_ASKING_TERMS} are allowed`,
      "name networks (ip4:, ip6:) instead of hosts and other records",
    );
  const missing = addresses.filter((text) => {
    const address = parseIpAddress(text);
    return address !== undefined && !networks.some(({ network }) => networkHolds(network, address));
  });
  const [first] = troubles;
  if (missing.length > 0 && isPartial) return unknown(`not all of it was answered: ${first}`);
  if (missing.length > 0)
    return fail(
      `the SPF record does not have ${missing.join(", ")}, from which mail may leave`,
      `add ${missing.map((each) => `${each.includes(":") ? "ip6" : "ip4"}:${each}`).join(" ")}`,
    );
  const size = `${networks.length} ${networks.length === 1 ? "network" : "networks"}`;
  if (first !== undefined) return warn(`${size}; ${first}`, "see smtpctl spf walk");
  if (others === undefined) return warn(`${size}, and nothing of others`, "end it with -all");
  return ok(`${size}, others ${others}`);
}

const NO_SELECTOR: Verdict = unknown(
  "nobody said which selectors sign, and the DNS does not tell",
  "name them with --selector",
);

async function lookAtKey(selector: string, domain: string, resolver: Resolver): Promise<Verdict> {
  const answer = await resolver.texts(`${selector}._domainkey.${domain}`);
  if (answer.kind === "unavailable") return noAnswer("the key", answer.cause);
  const key = parseDkimKey(answer.kind === "found" ? answer.value : []);
  switch (key.kind) {
    case "none":
      return fail("no key of DKIM", "publish the TXT record that came with the private key");
    case "revoked":
      return fail("the key of DKIM is withdrawn", "sign with a selector that has a key");
    case "wrong":
      return fail(`the record is wrong: ${key.why}`, "mend the TXT record");
    case "key":
      return judgeKey(key.algorithm, key.bits);
    default:
      return unreachable(key);
  }
}

function judgeKey(algorithm: "rsa" | "ed25519", bits: number): Verdict {
  if (algorithm === "ed25519") return ok("ed25519");
  const advice = `make a key of ${GOOD_RSA_BITS} bits, with a new selector`;
  if (bits < MIN_RSA_BITS) return fail(`rsa, of only ${bits} bits: nobody accepts it`, advice);
  return bits < GOOD_RSA_BITS ? warn(`rsa, of only ${bits} bits`, advice) : ok(`rsa, ${bits} bits`);
}

async function lookAtDmarc(domain: string, resolver: Resolver): Promise<Verdict> {
  const answer = await resolver.texts(`_dmarc.${domain}`);
  if (answer.kind === "unavailable") return noAnswer(`TXT of _dmarc.${domain}`, answer.cause);
  const record = parseDmarc(answer.kind === "found" ? answer.value : []);
  if (record.kind === "none")
    return warn("no DMARC record", `publish a TXT record of _dmarc.${domain}: v=DMARC1; p=none`);
  if (record.kind === "wrong")
    return fail(`the DMARC record is wrong: ${record.why}`, "mend the TXT record");
  const reports =
    record.reports.length === 0 ? "no reports" : `reports to ${record.reports.join(", ")}`;
  return ok(`policy ${record.policy}, ${reports}`);
}

async function lookAtReports(domain: string, resolver: Resolver): Promise<Verdict> {
  const answer = await resolver.texts(`_smtp._tls.${domain}`);
  if (answer.kind === "unavailable") return noAnswer(`TXT of _smtp._tls.${domain}`, answer.cause);
  const texts = answer.kind === "found" ? answer.value : [];
  if (!texts.some((text) => text.startsWith("v=TLSRPTv1")))
    return ok("no reports on TLS are asked for");
  const endpoints = parseTlsrptRecord(texts);
  if (endpoints.length === 0)
    return fail("the record of TLS-RPT cannot be read, and counts as none", "mend the TXT record");
  return ok(`reports to ${endpoints.map(formatEndpointUri).join(", ")}`);
}
