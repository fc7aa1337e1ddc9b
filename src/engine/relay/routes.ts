/**
 * Ways of a relay action to one address of a server: by which source, under which name,
 * with which TLS and credentials.
 *
 * Promises: routes of one key are alike in all of it, so that they may share connections;
 * nothing of two actions is shared.
 *
 * Source: smtpd.conf(5) (relay); OpenSMTPD mta.c, mta_session.c.
 */
import { addressOf, type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { isIpv6 } from "#base/ip-address.ts";
import type { Random } from "#base/ports/random.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { RelayAction } from "#model/config/action.ts";
import { DEFAULT_SMTP_PORT } from "#model/config/defaults.ts";
import type { Table } from "#model/config/table.ts";
import type { TlsTerm } from "#model/envelope.ts";
import { randomSessionId } from "#model/ids.ts";
import { parseFingerprint } from "#model/fingerprint.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import type { ClientSecurity } from "#engine/client/client-security.ts";
import type { HeloName } from "#engine/client/client-settings.ts";
import type { Cap } from "#engine/client/connection-limits.ts";
import { actionPolicy } from "#policy/transport/action-policy.ts";
import { policyKey, type TransportPolicy } from "#policy/transport/transport-policy.ts";
import { type NextHop, type NoRoute, noRoute } from "./next-hops.ts";
import type { RelayParties } from "./parties.ts";
import { capsOf, type DomainLimits } from "./relay-limits.ts";
import { isReported, type Promised, sessionOf } from "./tls-findings.ts";

/** What a message wants of its way, and whose turn it is. */
export interface RouteTerms {
  readonly turn: number;
  /** Our addresses that it may leave from, in turn; undefined: any. */
  readonly sources: readonly string[] | undefined;
  readonly tls: TlsTerm;
}

/** To one address of a server. */
export interface Way {
  readonly hop: NextHop;
  readonly policy: TransportPolicy;
  /** What its domain is told of TLS with it; undefined: nothing. */
  readonly promised: Promised | undefined;
  /** There is no other address of the server to try after it. */
  readonly isLast: boolean;
}

/** From where, for which relay, and what is kept to. */
export interface Via {
  /** Undefined: any address of this machine. */
  readonly source: string | undefined;
  /** Key of the relay that it is a connection of. */
  readonly relay: string;
  readonly limits: DomainLimits;
}

/** An address that does not answer must not keep mail from the next one (RFC 8305 §5). */
const SHORT_CONNECT_MS = 10_000;

export class Routes {
  readonly #parties: RelayParties;
  readonly #random: Random;

  constructor(parties: RelayParties, random: Random) {
    this.#parties = parties;
    this.#random = random;
  }

  /** `policy`: see `policyOf`. */
  routeTo(
    action: RelayAction,
    { hop, policy, promised, isLast }: Way,
    endpoint: Endpoint,
    { source, relay, limits: { limits, session } }: Via,
  ): ClientRoute {
    const host = addressOf(hop.endpoint);
    const { dialect, label, tls } = hop;
    // Whom a certificate was checked for matters only where it was.
    const name = policy.kind === "required" ? host : "";
    const key = [
      action.name,
      dialect,
      tls,
      label,
      source,
      policyKey(policy),
      name,
      formatEndpoint(endpoint),
    ].join("|");
    const domain = hop.domain.toLowerCase();
    const counted = { address: addressOf(endpoint), source: source ?? "", relay, domain };
    let caps: readonly Cap[] | undefined;
    return {
      key,
      endpoint,
      dialect,
      helo: this.#heloOf(action),
      // A host that the configuration names may be another daemon of this machine.
      ownName: hop.isFound ? action.helo : undefined,
      host,
      sourceAddress: source,
      connectMs: isLast ? undefined : SHORT_CONNECT_MS,
      security: this.#securityOf(action, { hop, policy, promised }, endpoint, key),
      credentials: this.#credentialsOf(action, label),
      relay,
      session,
      caps: () => (caps ??= capsOf(limits, counted)),
    };
  }

  #securityOf(
    action: RelayAction,
    { hop, policy, promised }: Omit<Way, "isLast">,
    endpoint: Endpoint,
    key: string,
  ): ClientSecurity | undefined {
    if (policy.kind === "clear") return undefined;
    const host = addressOf(hop.endpoint);
    const start = hop.tls === "smtps" ? "at-once" : "starttls";
    return {
      start,
      isRequired: policy.kind === "required",
      policy,
      tls: this.#parties.tlsOf(action),
      serverName: nameToAsk(policy, host),
      pinned: this.#pinnedOf(action),
      resumeAs: key,
      toldOfEnd: this.#toldOfEnd(hop, promised, endpoint),
    };
  }

  #toldOfEnd(
    hop: NextHop,
    promised: Promised | undefined,
    endpoint: Endpoint,
  ): ClientSecurity["toldOfEnd"] {
    const { countTls } = this.#parties;
    if (promised === undefined || countTls === undefined) return undefined;
    return (end, local) => {
      if (isReported({ hop, promised }))
        countTls(sessionOf({ hop, promised }, end, [local, endpoint]));
    };
  }

  /** Undefined: they are in memory, or there are none. */
  #pinnedOf({ fingerprints: table }: RelayAction): ClientSecurity["pinned"] {
    if (table?.shape !== "remote") return undefined;
    return async ({ fingerprint, keyFingerprint }) => {
      for (const shown of [fingerprint, keyFingerprint]) {
        const answer = await this.#parties.askTable(table, "fingerprint", shown);
        if (answer.kind === "unavailable") return "Could not retrieve fingerprints";
        if (answer.kind === "found") return [shown.toLowerCase()];
      }
      return [];
    };
  }

  /** The name for our end of the connection, which the configuration may have for each address. */
  #heloOf({ helo, heloSrc }: RelayAction): HeloName {
    if (heloSrc === undefined) return helo;
    return async (local) => {
      if (local.kind === "unix") return helo;
      const answer = await this.#parties.askTable(heloSrc, "addrname", local.host);
      return answer.kind === "found" ? answer.value : undefined;
    };
  }

  #credentialsOf({ auth }: RelayAction, label: string | undefined): ClientRoute["credentials"] {
    if (label === undefined) return undefined;
    if (auth === undefined) return async () => "No auth table for relaying";
    return () => this.#retrieve(auth, label);
  }

  async #retrieve({ name }: Table, label: string): Promise<ClientCredentials | string> {
    const answer = await this.#parties.askCredentials(name, label);
    if (answer.kind === "absent") return `'${label}' is not in table ${name}`;
    if (answer.kind === "unavailable") return answer.cause.message;
    const nonce = `${randomSessionId(this.#random)}${randomSessionId(this.#random)}`;
    return { ...answer.value, nonce };
  }
}

/** What the action asks of the connection to a server. */
export function policyOf(action: RelayAction, hop: NextHop): TransportPolicy | NoRoute {
  // A UNIX-domain socket is this machine, and nobody listens between.
  if (hop.endpoint.kind === "unix") return { kind: "clear" };
  const policy = actionPolicy(action, hop.tls, fingerprintsOf(action.fingerprints));
  return policy ?? noRoute("deferred", "4.7.4", "TLS required for relaying");
}

/** RFC 7672 §8.1: who goes by TLSA records is shown the certificate of the name that has them. */
function nameToAsk(policy: TransportPolicy, host: string): string {
  const isDane = policy.kind === "required" && policy.proof.kind === "dane";
  return isDane ? policy.proof.names[0] : host;
}

function fingerprintsOf(table: Table | undefined): readonly string[] | undefined {
  return table && [...table.entries.keys()].flatMap((entry) => parseFingerprint(entry) ?? []);
}

/**
 * Those of the server's family, the one whose turn it is first. Undefined among them: any
 * address of this machine; none: no address of ours fits.
 */
export function sourcesOf(
  { sources, turn }: Pick<RouteTerms, "sources" | "turn">,
  endpoint: Endpoint,
): readonly (string | undefined)[] {
  if (sources === undefined || endpoint.kind === "unix") return ANY_SOURCE;
  const wantsIpv6 = isIpv6(endpoint.host);
  const fitting = sources.map(bare).filter((address) => isIpv6(address) === wantsIpv6);
  const first = turn % Math.max(fitting.length, 1);
  return [...fitting.slice(first), ...fitting.slice(0, first)];
}

const ANY_SOURCE: readonly (string | undefined)[] = Object.freeze([undefined]);

/** What routes are told apart by: other servers may be at other ports of one address. */
export function placeOf(endpoint: Endpoint): string {
  if (endpoint.kind === "unix" || endpoint.port === DEFAULT_SMTP_PORT) return addressOf(endpoint);
  return formatEndpoint(endpoint);
}

/** Without the brackets in which an IPv6 address may be written. */
function bare(address: string): string {
  return address.replace(/^\[(?:ipv6:)?(.*)\]$/iu, "$1");
}
