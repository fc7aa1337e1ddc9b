/**
 * Relay: carries messages to other servers over SMTP or LMTP.
 *
 * Promises: one result for each envelope, whatever happens; `attempt` never
 * rejects. A recipient is "delivered" only by the server's own positive reply after
 * the text. Hosts and addresses are tried one after the other (tries.ts),
 * for as long as none of them began on the message. Recipients of one domain share
 * transactions of MAX_RECIPIENTS each.
 *
 * An exchanger that has our address or greets by our name ends it: that is a loop, unless
 * one before it may still take the message.
 *
 * Source: RFC 5321 §4.5.4.1, §5.1; OpenSMTPD mta.c.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Table } from "#model/config/table.ts";
import { ASKING_DNS } from "#model/attempt-progress.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope } from "#model/envelope.ts";
import { ClientPool } from "#engine/client/client-pool.ts";
import type { Outcome } from "#engine/client/verdict-result.ts";
import {
  exchangersOf,
  hostOfDomain,
  hostsOf,
  hostsOfKeys,
  type NextHops,
  noRoute,
  type NoRoute,
} from "./next-hops.ts";
import { mailOf } from "./outgoing-mail.ts";
import type { RelayParties } from "./parties.ts";
import { type ConfiguredLimits, DEFAULT_LIMITS, RelayLimits } from "./relay-limits.ts";
import { RelayMemory } from "./relay-memory.ts";
import { ResolverCache } from "./resolver-cache.ts";
import { reversePathOf } from "./reverse-path.ts";
import { lackOf } from "./route-lack.ts";
import { Routes } from "./routes.ts";
import { outcomeWithoutRoute } from "./transaction-outcome.ts";
import { Tries } from "./tries.ts";

export interface RelayPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
}

export interface RelaySetting {
  /** Relays that have it in common keep to their limits together. */
  readonly memory: RelayMemory;
  readonly limits: ConfiguredLimits;
}

/** Envelopes that may share transactions. */
interface Group {
  readonly action: RelayAction;
  readonly reversePath: string;
  readonly envelopes: readonly Envelope[];
}

/** Recipients of one transaction. RFC 5321 §4.5.3.1.8: every server takes 100. */
export const MAX_RECIPIENTS = 100;

export class Relay implements Carrier {
  readonly #ports: RelayPorts;
  readonly #actions: ReadonlyMap<string, RelayAction>;
  readonly #parties: RelayParties;
  readonly #resolver: ResolverCache;
  readonly #pool: ClientPool;
  readonly #tries: Tries;
  readonly #memory: RelayMemory;
  /** Messages sent by each action. */
  readonly #turns = new Map<string, number>();

  constructor(
    ports: RelayPorts,
    actions: ReadonlyMap<string, RelayAction>,
    parties: RelayParties,
    { memory, limits }: RelaySetting = alone(ports.clock, parties),
  ) {
    this.#ports = ports;
    this.#actions = actions;
    this.#parties = parties;
    this.#resolver = new ResolverCache(ports.resolver, ports.clock);
    this.#memory = memory;
    const { observe } = parties;
    this.#pool = new ClientPool({ ...ports, observe, limits: memory.limits, watch: memory });
    this.#tries = new Tries({
      clock: ports.clock,
      network: ports.network,
      resolver: this.#resolver,
      parties,
      pool: this.#pool,
      routes: new Routes(parties, ports.random),
      limits: new RelayLimits(limits),
      memory,
    });
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    const report = (envelopes: readonly Envelope[], outcomes: readonly Outcome[]): void => {
      const atMs = Math.round(this.#ports.clock.wallMs());
      for (const [index, { evpid, destination }] of envelopes.entries()) {
        const outcome = outcomes[index] ?? outcomes[0];
        if (outcome === undefined) throw new TypeError("Cannot report: no outcome");
        this.#memory.hosts.said(domainOf(destination), outcome.diagnostic, atMs);
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
    const { progress } = task;
    if (progress !== undefined) progress.at = ASKING_DNS;
    const turn = this.#turns.get(action.name) ?? 0;
    this.#turns.set(action.name, turn + 1);
    const domain = domainOf(envelopes[0]?.destination ?? "");
    const hops = await this.#nextHops(action, domain, turn);
    if (hops.kind === "no-route") {
      const outcomes = [outcomeWithoutRoute(hops)];
      this.#tellLack(domain, outcomes);
      return outcomes;
    }
    const sources = action.src && (await this.#sources(action.src));
    if (sources !== undefined && "kind" in sources) return [outcomeWithoutRoute(sources)];
    const terms = { turn, sources, tls: task.message.terms?.tls ?? "by-policy" };
    const transaction = {
      action,
      terms,
      mail: mailOf(group.reversePath, { ...task, envelopes }),
      text: task.text,
      progress,
    };
    const outcomes = await this.#tries.send(transaction, hops);
    this.#tellLack(hops.hops[0]?.domain ?? domain, outcomes);
    return outcomes;
  }

  #tellLack(destination: string, [outcome]: readonly Outcome[]): void {
    const lack = outcome && lackOf(outcome);
    if (lack !== undefined) this.#parties.observe({ kind: "route-lacking", lack, destination });
  }

  async #nextHops({ to }: RelayAction, domain: string, turn: number): Promise<NextHops | NoRoute> {
    const { random } = this.#ports;
    switch (to.kind) {
      case "mx":
        return exchangersOf({ resolver: this.#resolver, random }, domain);
      case "backup":
        return exchangersOf({ resolver: this.#resolver, random }, domain, to.name);
      case "hosts":
        if (to.table.shape !== "remote") return hostsOf(to.hosts, turn);
        return hostsOfKeys(await this.#parties.fetchKeys(to.table), turn);
      case "domain":
        return hostOfDomain(await this.#parties.askTable(to.table, "domain", domain));
      default:
        return unreachable(to);
    }
  }

  async #sources(src: Table): Promise<readonly string[] | NoRoute> {
    const answer = await this.#parties.fetchKeys(src);
    if (answer.kind === "found") return answer.value;
    return noRoute("deferred", "4.3.5", "Could not retrieve source address");
  }
}

/** Of a relay that has nothing in common with others, under the limits that nobody has changed. */
function alone(clock: Clock, { observe }: RelayParties): RelaySetting {
  return { memory: new RelayMemory(clock, observe), limits: DEFAULT_LIMITS };
}

const NO_ACTION: Outcome = {
  outcome: "deferred",
  status: "4.3.5",
  diagnostic: "No such relay action",
  remote: "",
};
