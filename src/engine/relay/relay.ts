/**
 * Relay: carries messages to other servers over SMTP or LMTP.
 *
 * Promises: one result for each envelope, whatever happens; `attempt` never
 * rejects. A recipient is "delivered" only by the server's own positive reply after
 * the text. Hosts and addresses are tried one after the other, MAX_TRIES at most,
 * for as long as none of them began on the message. Recipients of one domain share
 * transactions of MAX_RECIPIENTS each.
 *
 * An exchanger that has our address or greets by our name ends it: that is a loop, unless
 * one before it may still take the message.
 *
 * Source: RFC 5321 §4.5.4.1, §5.1; OpenSMTPD mta.c.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import type { Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { RelayAction } from "#model/config/action.ts";
import type {
  AttemptTls,
  Carrier,
  DeliveryResult,
  DeliveryTask,
  MessageText,
} from "#model/delivery.ts";
import type { Envelope } from "#model/envelope.ts";
import {
  ClientPool,
  type ClientRoute,
  POOL_SETTINGS,
  type PoolPorts,
  type PoolSettings,
} from "#engine/client/client-pool.ts";
import { type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import { destinationPolicy } from "./destination-policy.ts";
import { isAscii } from "./ascii-text.ts";
import { addressesOf } from "./hop-addresses.ts";
import {
  exchangersOf,
  hostOfDomain,
  hostsOf,
  type NextHop,
  type NextHops,
  noRoute,
  type NoRoute,
} from "./next-hops.ts";
import { keepsTime, lacks8bit, mailOf, withoutEightBit } from "./outgoing-mail.ts";
import type { RelayParties } from "./parties.ts";
import { reversePathOf } from "./reverse-path.ts";
import { type Passage, policyOf, Routes, type Way } from "./routes.ts";
import { ResolverCache } from "./resolver-cache.ts";
import { unconnected } from "./tls-findings.ts";

export interface RelayPorts extends Omit<PoolPorts, "observe"> {
  readonly resolver: Resolver;
}

/** Envelopes that may share transactions. */
interface Group {
  readonly action: RelayAction;
  readonly reversePath: string;
  readonly envelopes: readonly Envelope[];
}

/** One transaction, wherever it will go. */
interface Errand {
  readonly action: RelayAction;
  readonly passage: Passage;
  readonly mail: ClientMail;
  readonly text: MessageText;
}

/** Recipients of one transaction. RFC 5321 §4.5.3.1.8: every server takes 100. */
export const MAX_RECIPIENTS = 100;
/** Addresses tried for one transaction in one attempt. */
export const MAX_TRIES = 8;
/** RFC 3463 §3.5: no answer from host. */
const NOT_REACHED = "4.4.1";
/** The greeting of a host that takes no mail. */
const NEVER_TAKES_MAIL = 521;

export class Relay implements Carrier {
  readonly #ports: RelayPorts;
  readonly #actions: ReadonlyMap<string, RelayAction>;
  readonly #parties: RelayParties;
  readonly #resolver: ResolverCache;
  readonly #pool: ClientPool;
  readonly #routes: Routes;
  /** Messages sent by each action. */
  readonly #turns = new Map<string, number>();

  constructor(
    ports: RelayPorts,
    actions: ReadonlyMap<string, RelayAction>,
    parties: RelayParties,
    settings: PoolSettings = POOL_SETTINGS,
  ) {
    this.#ports = ports;
    this.#actions = actions;
    this.#parties = parties;
    this.#resolver = new ResolverCache(ports.resolver, ports.clock);
    this.#pool = new ClientPool({ ...ports, observe: parties.observe }, settings);
    this.#routes = new Routes(parties, ports.random);
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    const report = (envelopes: readonly Envelope[], outcomes: readonly Outcome[]): void => {
      for (const [index, { evpid }] of envelopes.entries()) {
        const outcome = outcomes[index] ?? outcomes[0];
        if (outcome === undefined) throw new TypeError("Cannot report: no outcome");
        results.push({ evpid, ...outcome });
      }
    };
    const { groups, strays } = this.#group(task);
    report(strays, [NO_ACTION]);
    for (const group of groups) {
      for (let at = 0; at < group.envelopes.length; at += MAX_RECIPIENTS) {
        const envelopes = group.envelopes.slice(at, at + MAX_RECIPIENTS);
        report(envelopes, await this.#transact({ ...group, envelopes }, task));
      }
    }
    return results;
  }

  /** Closes idle connections; attempts under way go on. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The queue hands out one route at a time; envelopes of several are told apart all the same. */
  #group({ message, envelopes }: DeliveryTask): {
    readonly groups: Iterable<Group>;
    readonly strays: readonly Envelope[];
  } {
    const nowMs = this.#ports.clock.wallMs();
    const { srs } = this.#parties;
    const groups = new Map<string, Group & { readonly envelopes: Envelope[] }>();
    const strays: Envelope[] = [];
    for (const envelope of envelopes) {
      const action = this.#actions.get(envelope.action);
      if (action === undefined) {
        strays.push(envelope);
        continue;
      }
      const reversePath = reversePathOf({ action, srs, nowMs }, message, envelope);
      const domain = action.to.kind === "hosts" ? "" : domainOf(envelope.destination);
      const key = `${action.name}|${domain}|${reversePath}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { action, reversePath, envelopes: [envelope] });
      else group.envelopes.push(envelope);
    }
    return { groups: groups.values(), strays };
  }

  /** One outcome for each envelope, or a single one for all of them. */
  async #transact(group: Group, task: DeliveryTask): Promise<readonly Outcome[]> {
    const { action, envelopes } = group;
    const turn = this.#turns.get(action.name) ?? 0;
    this.#turns.set(action.name, turn + 1);
    const hops = await this.#nextHops(action, domainOf(envelopes[0]?.destination ?? ""), turn);
    if (hops.kind === "no-route") return [outcomeWithoutRoute(hops)];
    const passage = { turn, tls: task.message.terms?.tls ?? "by-policy" };
    const errand = {
      action,
      passage,
      mail: mailOf(group.reversePath, { ...task, envelopes }),
      text: task.text,
    };
    return this.#tryHops(errand, hops);
  }

  async #nextHops({ to }: RelayAction, domain: string, turn: number): Promise<NextHops | NoRoute> {
    const { random } = this.#ports;
    switch (to.kind) {
      case "mx":
        return exchangersOf({ resolver: this.#resolver, random }, domain);
      case "backup":
        return exchangersOf({ resolver: this.#resolver, random }, domain, to.name);
      case "hosts":
        return hostsOf(to.hosts, turn);
      case "domain":
        return hostOfDomain(await this.#parties.askTable(to.table, "domain", domain));
      default:
        return unreachable(to);
    }
  }

  async #tryHops(errand: Errand, { hops, noAddress }: NextHops): Promise<readonly Outcome[]> {
    const tried: Outcome[] = [];
    for (const hop of hops) {
      if (tried.length >= MAX_TRIES) break;
      const outcomes = await this.#tryHop(errand, hop, tried);
      if (outcomes !== undefined) return outcomes;
      // RFC 5321 §5.1: exchangers behind ourselves would only send it back.
      if (tried.at(-1)?.outcome === "loop") break;
    }
    return [summary(tried) ?? outcomeWithoutRoute(noAddress)];
  }

  /** Undefined: none of its addresses began on it; why not is added to `tried`. */
  async #tryHop(
    errand: Errand,
    hop: NextHop,
    tried: Outcome[],
  ): Promise<readonly Outcome[] | undefined> {
    const asked = policyOf(errand.action, hop);
    if (asked.kind === "no-route") {
      tried.push(outcomeWithoutRoute(asked));
      return undefined;
    }
    const addresses = await addressesOf(this.#resolver, hop);
    if (addresses.kind === "absent") return undefined;
    if (addresses.kind === "no-route") {
      tried.push(outcomeWithoutRoute(addresses));
      return undefined;
    }
    const { tls } = errand.passage;
    const parties = { resolver: this.#resolver, askSts: this.#parties.askSts };
    const { policy, promised } = await destinationPolicy(parties, asked, { hop, addresses, tls });
    if (policy.kind === "no-route") {
      if (promised?.shortcoming !== undefined)
        this.#parties.countTls?.(unconnected({ hop, promised }, promised.shortcoming));
      tried.push(outcomeWithoutRoute(policy));
      return undefined;
    }
    const endpoints = addresses.endpoints.slice(0, MAX_TRIES - tried.length);
    for (const [index, endpoint] of endpoints.entries()) {
      const way = { hop, policy, promised, isLast: index === endpoints.length - 1 };
      const sent = await this.#tryEndpoint(errand, way, endpoint);
      if (!("outcome" in sent)) return sent;
      tried.push(sent);
      if (sent.outcome === "loop") return undefined;
    }
    return undefined;
  }

  /** A single outcome: the server did not begin on it. */
  async #tryEndpoint(
    { action, passage, mail, text }: Errand,
    way: Way,
    endpoint: Endpoint,
  ): Promise<readonly Outcome[] | Outcome> {
    if (this.#isLoop(way.hop, endpoint)) return outcomeWithoutRoute(LOOP);
    const route = this.#routes.routeTo(action, way, endpoint, passage);
    if ("kind" in route) return outcomeWithoutRoute(route);
    let sent = await this.#pool.send(route, mail, text);
    // Clients say 8BITMIME of everything: what is in ASCII all the same needs nothing.
    if (lacks8bit(sent) && (await isAscii(text)))
      sent = await this.#pool.send(route, withoutEightBit(mail), text);
    const remote = remoteOf(route);
    const { tls } = sent;
    if (sent.kind === "not-started")
      return overTls(outcomeWhenNotStarted(sent.verdict, remote), tls);
    const outcomes = sent.verdicts.map((verdict) => overTls(outcomeOf(verdict, remote), tls));
    const timed = keepsTime(mail, sent) ? outcomes.map(inTime) : outcomes;
    return sent.reports ? timed.map(handedOn) : timed;
  }

  #isLoop(hop: NextHop, endpoint: Endpoint): boolean {
    return hop.isFound && this.#parties.isOurs(endpoint);
  }
}

const LOOP: NoRoute = noRoute("loop", "5.4.6", "Mail for this host loops back to us");
const NO_ACTION: Outcome = {
  outcome: "deferred",
  status: "4.3.5",
  diagnostic: "No such relay action",
  remote: "",
};

/** RFC 3461 §5.2.1: who was told what the sender wants to know reports of it, not we. */
function handedOn(outcome: Outcome): Outcome {
  return outcome.outcome === "delivered" ? { ...outcome, outcome: "handed-on" } : outcome;
}

function inTime(outcome: Outcome): Outcome {
  return { ...outcome, keepsTime: true };
}

function overTls(outcome: Outcome, tls: AttemptTls | undefined): Outcome {
  return tls === undefined ? outcome : { ...outcome, tls };
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

/**
 * What several tries come to: final only if each of them was. Who answered tells more than who
 * was not there.
 */
function summary(tried: readonly Outcome[]): Outcome | undefined {
  const deferred = tried.filter(({ outcome }) => outcome === "deferred");
  return (
    deferred.findLast(({ status }) => status !== NOT_REACHED) ?? deferred.at(-1) ?? tried.at(-1)
  );
}
