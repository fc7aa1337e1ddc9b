/**
 * From a relay action and a domain to the servers to try, in order.
 *
 * With `relay host` these are its hosts, a different one first each time, looked up
 * by address and never by MX. Else they are the domain's mail exchangers, or the
 * domain itself where it has none, or the address that it spells out.
 *
 * Source: RFC 5321 §5.1, §4.1.3 (address literals); RFC 7505 (null MX).
 */
import type { Endpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import type { Random } from "#base/ports/random.ts";
import type { MxRecord, Resolver } from "#base/ports/resolver.ts";
import type { Lookup } from "#base/lookup.ts";
import { parseRelayUrl } from "#model/config/relay-url.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";
import type { RelayHost, RelayHostTls } from "#model/config/action.ts";
import { DEFAULT_SMTP_PORT } from "#model/config/defaults.ts";
import { isNullMx, orderExchangers, preferredTo } from "./mx-order.ts";

/** A server that may have several addresses, or needs none (a UNIX-domain socket). */
export interface NextHop {
  readonly dialect: Dialect;
  readonly endpoint: Endpoint;
  readonly tls: RelayHostTls;
  /**
   * Of its MX record; undefined: it has none. Who is less preferred has a higher one, and is no
   * stand-in for who has only no room now.
   */
  readonly preference: number | undefined;
  /** Of the credentials that it wants. */
  readonly label: string | undefined;
  /** Found by MX, so that nobody has said that it is not ourselves, nor that it is the right one. */
  readonly isFound: boolean;
  /** Nobody on the way can have put it in the place of another: its MX record is signed, or the configuration names it. */
  readonly isSecure: boolean;
  /** Whose mail it takes; itself where the configuration names it. */
  readonly domain: string;
}

/** What is said of a domain that nothing can be sent to. */
export interface NoRoute {
  readonly kind: "no-route";
  readonly outcome: "deferred" | "failed" | "loop";
  readonly status: string;
  readonly diagnostic: string;
}

export interface NextHops {
  readonly kind: "next-hops";
  readonly hops: readonly NextHop[];
  /** What it means that none of the hops has an address. */
  readonly noAddress: NoRoute;
}

export interface NextHopPorts {
  readonly resolver: Resolver;
  readonly random: Random;
}

/** OpenSMTPD's words. */
export const NO_MX = "No MX found for domain";
export const NO_HOST = "Host not found";

const ADDRESS_LITERAL = /^\[(?:IPv6:)?([0-9a-f:.]{2,45})\]$/i;

/** `turn` counts up with each message, so that the hosts of an action take turns. */
export function hostsOf(hosts: readonly RelayHost[], turn: number): NextHops {
  const first = turn % Math.max(hosts.length, 1);
  const inTurn = [...hosts.slice(first), ...hosts.slice(0, first)];
  return {
    kind: "next-hops",
    hops: inTurn.map(({ protocol, endpoint, tls, label }) => ({
      dialect: protocol,
      endpoint,
      tls,
      preference: undefined,
      label,
      isFound: false,
      isSecure: true,
      domain: endpoint.kind === "tcp" ? endpoint.host : "",
    })),
    noAddress: noRoute("deferred", "4.4.4", NO_HOST),
  };
}

/** Hosts of a table that was asked for them; what is none of them is left out. */
export function hostsOfKeys(answer: Lookup<readonly string[]>, turn: number): NextHops | NoRoute {
  if (answer.kind !== "found") return NO_SMARTHOST;
  const hosts = answer.value.flatMap((key) => {
    const host = parseRelayUrl(key);
    return "reason" in host ? [] : [host];
  });
  if (hosts.length > 0) return hostsOf(hosts, turn);
  return answer.value.length === 0 ? NO_SMARTHOST : UNREADABLE_SMARTHOST;
}

/** The one host of a domain, as the table of `domain` has it. */
export function hostOfDomain(answer: Lookup<string>): NextHops | NoRoute {
  if (answer.kind !== "found") return NO_SMARTHOST;
  const host = parseRelayUrl(answer.value);
  if ("reason" in host) return UNREADABLE_SMARTHOST;
  return hostsOf([host], 0);
}

/**
 * The servers of `domain`, which may be an address literal.
 *
 * @param backup the exchanger for which this machine stands in: only those that are preferred
 *   to it are servers. Undefined: it stands in for none.
 */
export async function exchangersOf(
  ports: NextHopPorts,
  domain: string,
  backup?: string,
): Promise<NextHops | NoRoute> {
  const literal = ADDRESS_LITERAL.exec(domain)?.[1];
  if (literal !== undefined && parseIpAddress(literal) !== undefined)
    return toHosts({ domain, isSecure: false }, [alone(literal)], "4.4.4");
  if (!isHostName(domain)) return noRoute("failed", "5.1.2", "Invalid domain name");
  const answer = await ports.resolver.mx(domain);
  if (answer.kind === "unavailable") {
    return noRoute("deferred", "4.4.3", "Temporary failure in MX lookup");
  }
  if (answer.kind === "absent") {
    if (answer.why === "no-domain") return noRoute("failed", "5.1.2", "Domain does not exist");
    // RFC 5321 §5.1: a domain without MX is its own exchanger. Without an address it is none.
    return toHosts({ domain, isSecure: answer.isSecure }, [alone(domain)], "5.4.4");
  }
  if (isNullMx(answer.value)) return noRoute("failed", "5.1.10", "Domain does not accept mail");
  const exchangers = orderExchangers(preferredTo(backup, answer.value), ports.random);
  return exchangers.length > 0
    ? toHosts({ domain, isSecure: answer.isSecure }, exchangers, "4.4.4")
    : noRoute("deferred", "4.4.4", NO_MX);
}

export function noRoute(outcome: NoRoute["outcome"], status: string, diagnostic: string): NoRoute {
  return { kind: "no-route", outcome, status, diagnostic };
}

interface Exchanger extends Pick<MxRecord, "exchange"> {
  /** Undefined: no MX record names it. */
  readonly preference: number | undefined;
}

function alone(exchange: string): Exchanger {
  return { preference: undefined, exchange };
}

function toHosts(
  from: Pick<NextHop, "domain" | "isSecure">,
  hosts: readonly Exchanger[],
  statusWithoutAddress: "4.4.4" | "5.4.4",
): NextHops {
  return {
    kind: "next-hops",
    hops: hosts.map(({ exchange, preference }) => ({
      dialect: "smtp",
      endpoint: { kind: "tcp", host: exchange, port: DEFAULT_SMTP_PORT },
      tls: "opportunistic",
      preference,
      label: undefined,
      isFound: true,
      ...from,
    })),
    noAddress: noRoute(
      statusWithoutAddress === "5.4.4" ? "failed" : "deferred",
      statusWithoutAddress,
      NO_MX,
    ),
  };
}

const NO_SMARTHOST: NoRoute = noRoute("deferred", "4.3.5", "Cannot retrieve smarthost");
const UNREADABLE_SMARTHOST: NoRoute = noRoute("deferred", "4.3.5", "Cannot parse smarthost");
