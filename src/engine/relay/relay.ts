/**
 * Relay: carries messages to other servers over SMTP or LMTP.
 *
 * Promises: one result for each envelope, whatever happens; `attempt` never
 * rejects. A recipient is "delivered" only by the server's own positive reply after
 * the text. Hosts and addresses are tried one after the other, MAX_TRIES at most,
 * for as long as none of them began on the message. Recipients of one domain share
 * transactions of MAX_RECIPIENTS each.
 *
 * An exchanger that greets by our name ends it: that is a loop, unless one before it
 * may still take the message.
 *
 * Limits: no TLS, no AUTH yet.
 * Source: RFC 5321 §4.5.4.1, §5.1; OpenSMTPD mta.c.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { ClientMail, MailNeeds } from "#protocols/smtp/client-session-mail.ts";
import type { Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, Terms } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";
import {
  ClientPool,
  type ClientRoute,
  POOL_SETTINGS,
  type PoolPorts,
  type PoolSettings,
} from "#engine/client/client-pool.ts";
import { type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import { addressesOf } from "./hop-addresses.ts";
import {
  exchangersOf,
  hostsOf,
  type NextHop,
  type NextHops,
  noRoute,
  type NoRoute,
} from "./next-hops.ts";
import { noticesOf } from "./notices.ts";
import { ResolverCache } from "./resolver-cache.ts";

export interface RelayPorts extends Omit<PoolPorts, "observe"> {
  readonly resolver: Resolver;
}

/** Recipients of one transaction. RFC 5321 §4.5.3.1.8: every server takes 100. */
export const MAX_RECIPIENTS = 100;
/** Addresses tried for one transaction in one attempt. */
export const MAX_TRIES = 8;
/** The greeting of a host that takes no mail. */
const NEVER_TAKES_MAIL = 521;

export class Relay implements Carrier {
  readonly #ports: RelayPorts;
  readonly #actions: ReadonlyMap<string, RelayAction>;
  readonly #resolver: ResolverCache;
  readonly #pool: ClientPool;
  /** Messages sent by each action with hosts. */
  readonly #turns = new Map<string, number>();

  constructor(
    ports: RelayPorts,
    actions: ReadonlyMap<string, RelayAction>,
    observe: Observe,
    settings: PoolSettings = POOL_SETTINGS,
  ) {
    this.#ports = ports;
    this.#actions = actions;
    this.#resolver = new ResolverCache(ports.resolver, ports.clock);
    this.#pool = new ClientPool({ ...ports, observe }, settings);
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    for (const group of this.#groupByRoute(task.envelopes)) {
      for (let at = 0; at < group.length; at += MAX_RECIPIENTS) {
        const envelopes = group.slice(at, at + MAX_RECIPIENTS);
        const outcomes = await this.#transact({ ...task, envelopes });
        for (const [index, { evpid }] of envelopes.entries()) {
          const outcome = outcomes[index] ?? outcomes[0];
          if (outcome === undefined) throw new TypeError("Cannot report: no outcome");
          results.push({ evpid, ...outcome });
        }
      }
    }
    return results;
  }

  /** Closes idle connections; attempts under way go on. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The queue hands out one route at a time; envelopes of several are told apart all the same. */
  #groupByRoute(envelopes: readonly Envelope[]): readonly (readonly Envelope[])[] {
    const groups = Map.groupBy(envelopes, (envelope) => {
      const isOneWay = this.#actions.get(envelope.action)?.to.kind === "hosts";
      return `${envelope.action}|${isOneWay ? "" : domainOf(envelope.destination)}`;
    });
    return [...groups.values()];
  }

  /** One outcome for each envelope, or a single one for all of them. */
  async #transact(task: DeliveryTask): Promise<readonly Outcome[]> {
    const first = task.envelopes[0];
    const action = first && this.#actions.get(first.action);
    if (first === undefined || action === undefined) {
      return [
        { outcome: "deferred", status: "4.3.5", diagnostic: "No such relay action", remote: "" },
      ];
    }
    const hops = await this.#nextHops(action, first);
    if (hops.kind === "no-route") return [outcomeWithoutRoute(hops)];
    return this.#tryHops(task, action, hops);
  }

  async #nextHops(action: RelayAction, envelope: Envelope): Promise<NextHops | NoRoute> {
    const { to } = action;
    switch (to.kind) {
      case "mx": {
        const { random } = this.#ports;
        return exchangersOf({ resolver: this.#resolver, random }, domainOf(envelope.destination));
      }
      case "hosts": {
        const turn = this.#turns.get(action.name) ?? 0;
        this.#turns.set(action.name, turn + 1);
        return hostsOf(to.hosts, turn);
      }
      case "backup":
      case "domain":
        // smtpd does not start with such an action.
        return noRoute("deferred", "4.3.5", `'${to.kind}' of a relay is not built yet`);
      default:
        return unreachable(to);
    }
  }

  async #tryHops(
    task: DeliveryTask,
    action: RelayAction,
    { hops, noAddress }: NextHops,
  ): Promise<readonly Outcome[]> {
    const tried: Outcome[] = [];
    for (const hop of hops) {
      if (tried.length >= MAX_TRIES) break;
      const addresses = await addressesOf(this.#resolver, hop);
      if (addresses.kind === "absent") continue;
      if (addresses.kind === "no-route") {
        tried.push(outcomeWithoutRoute(addresses));
        continue;
      }
      for (const endpoint of addresses.endpoints.slice(0, MAX_TRIES - tried.length)) {
        const route = routeOf(action, hop, endpoint);
        const sent = await this.#pool.send(route, mailOf(task), task.text);
        const remote = remoteOf(route);
        if (sent.kind === "verdicts") {
          const outcomes = sent.verdicts.map((verdict) => outcomeOf(verdict, remote));
          return sent.reports ? outcomes.map(handedOn) : outcomes;
        }
        const outcome = outcomeWhenNotStarted(sent.verdict, remote);
        tried.push(outcome);
        // RFC 5321 §5.1: exchangers behind ourselves would only send it back.
        if (outcome.outcome === "loop") return [summary(tried) ?? outcome];
      }
    }
    return [summary(tried) ?? outcomeWithoutRoute(noAddress)];
  }
}

function routeOf(action: RelayAction, hop: NextHop, endpoint: Endpoint): ClientRoute {
  const host = hop.endpoint.kind === "tcp" ? hop.endpoint.host : hop.endpoint.path;
  const key = `${action.name}|${hop.dialect}|${formatEndpoint(endpoint)}`;
  // A host that the configuration names may be another daemon of this machine.
  const ownName = action.to.kind === "hosts" ? undefined : action.helo;
  return { key, endpoint, dialect: hop.dialect, helo: action.helo, ownName, host };
}

/** RFC 3461 §5.2.1: who was told what the sender wants to know reports of it, not we. */
function handedOn(outcome: Outcome): Outcome {
  return outcome.outcome === "delivered" ? { ...outcome, outcome: "handed-on" } : outcome;
}

function mailOf({ message, envelopes, text }: DeliveryTask): ClientMail {
  const notices = noticesOf(message, envelopes);
  return {
    reversePath: message.reversePath,
    forwardPaths: envelopes.map(({ destination }) => destination),
    textBytes: text.bytes,
    is8bit: message.is8bit,
    ...(message.terms && { needs: needsOf(message.terms) }),
    ...(notices && { notices }),
  };
}

function needsOf({ utf8, isBinary, requireTls }: Terms): MailNeeds {
  return { utf8, binary: isBinary, requireTls };
}

/** `host [address]`, or the path of a socket. */
function remoteOf({ host, endpoint }: ClientRoute): string {
  return endpoint.kind === "unix" ? endpoint.path : `${host} [${endpoint.host}]`;
}

function outcomeWithoutRoute({ outcome, status, diagnostic }: NoRoute): Outcome {
  return { outcome, status, diagnostic, remote: "" };
}

/**
 * A server that will not talk to us at all may be the wrong one, or have a bad day:
 * that is retried. Only 521 says that it never takes mail (RFC 7504 §3).
 */
function outcomeWhenNotStarted(verdict: Verdict, remote: string): Outcome {
  const outcome = outcomeOf(verdict, remote);
  if (verdict.kind === "refused" && verdict.reply.code === NEVER_TAKES_MAIL) return outcome;
  if (outcome.outcome !== "failed") return outcome;
  return { ...outcome, outcome: "deferred", status: `4${outcome.status.slice(1)}` };
}

/** What several tries come to: final only if each of them was. */
function summary(tried: readonly Outcome[]): Outcome | undefined {
  return tried.findLast(({ outcome }) => outcome === "deferred") ?? tried.at(-1);
}
