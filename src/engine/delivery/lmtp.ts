/**
 * Local delivery over LMTP: carries messages to the server of an `lmtp` action, on a
 * UNIX-domain socket or over TCP.
 *
 * Promises: one result for each envelope, from the server's own reply to it; never
 * rejects. Envelopes of one message share a transaction, MAX_RECIPIENTS each; one
 * that is a loop (Delivered-To) is not sent.
 *
 * Source: RFC 2033; OpenSMTPD's mail.lmtp(8).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { ClientPool } from "#engine/client/client-pool.ts";
import { type ClientRoute, NO_WATCH, type SessionLimits } from "#engine/client/client-route.ts";
import { ConnectionLimits } from "#engine/client/connection-limits.ts";
import { type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import { addressesOf } from "#engine/relay/hop-addresses.ts";
import type { LmtpAction } from "#model/config/action.ts";
import { parseLmtpEndpoint } from "#model/config/relay-url.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";
import { expandFormat } from "#policy/expand/format.ts";
import { findDeliveredTo } from "./delivered-to.ts";
import { formatValues, LOOP } from "./local-message.ts";

export interface LmtpPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
}

export interface LmtpSettings {
  /** Our name in LHLO. */
  readonly helo: string;
  /** What `strip` of a format cuts at. */
  readonly subAddressDelimiter: string;
  /** The home of who delivers: an agent; a dispatcher delivers to no socket in a home. */
  readonly home: string;
}

/** Envelopes of one message that go to one place. */
interface Group {
  readonly action: LmtpAction;
  readonly endpoint: Endpoint;
  readonly envelopes: Envelope[];
}

/** Recipients of one transaction. RFC 5321 §4.5.3.1.8: every server takes 100. */
const MAX_RECIPIENTS = 100;
/** To one server. */
const MAX_CONNECTIONS = 10;
/** There are no pauses, and the flag is for the relays that `smtpctl show relays` has. */
const CAP_WORDS = {
  max: "lmtp connections",
  delay: "",
  reconnect: "",
  flag: "LIMIT_HOST",
} as const;
const SESSION: SessionLimits = Object.freeze({
  maxMails: 1000,
  keepAliveMs: 10_000,
  pauseMs: 0,
  maxRefusals: Infinity,
});

export class LmtpDelivery implements Carrier {
  readonly #resolver: Resolver;
  readonly #actions: ReadonlyMap<string, LmtpAction>;
  readonly #settings: LmtpSettings;
  readonly #pool: ClientPool;

  constructor(
    ports: LmtpPorts,
    actions: ReadonlyMap<string, LmtpAction>,
    settings: LmtpSettings,
    observe: Observe,
  ) {
    this.#resolver = ports.resolver;
    this.#actions = actions;
    this.#settings = settings;
    const limits = new ConnectionLimits(ports.clock);
    this.#pool = new ClientPool({ ...ports, observe, limits, watch: NO_WATCH });
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    let seen: ReadonlySet<string>;
    try {
      seen = await findDeliveredTo(task.text);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      return forAll(task.envelopes, deferred("4.3.0", "Message text cannot be read"));
    }
    const isLoop = (envelope: Envelope): boolean => seen.has(envelope.destination.toLowerCase());
    const results = [...forAll(task.envelopes.filter(isLoop), { ...LOOP, remote: "" })];
    const rest = task.envelopes.filter((envelope) => !isLoop(envelope));
    const { groups, strays } = this.#group(task.message, rest);
    results.push(...strays);
    for (const group of groups) {
      for (let at = 0; at < group.envelopes.length; at += MAX_RECIPIENTS) {
        const envelopes = group.envelopes.slice(at, at + MAX_RECIPIENTS);
        results.push(...(await this.#transact({ ...task, envelopes }, group)));
      }
    }
    return results;
  }

  /** Closes idle connections; attempts under way go on. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** By destination, and the results of those that have none. */
  #group(
    message: Message,
    envelopes: readonly Envelope[],
  ): { readonly groups: Iterable<Group>; readonly strays: readonly DeliveryResult[] } {
    const groups = new Map<string, Group>();
    const strays: DeliveryResult[] = [];
    for (const envelope of envelopes) {
      const { evpid } = envelope;
      const action = this.#actions.get(envelope.action);
      if (action === undefined) {
        strays.push({ evpid, ...deferred("4.3.5", "No such lmtp action") });
        continue;
      }
      const endpoint = this.#destinationOf(action, message, envelope);
      if ("outcome" in endpoint) {
        strays.push({ evpid, ...endpoint });
        continue;
      }
      const key = `${action.name}|${formatEndpoint(endpoint)}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { action, endpoint, envelopes: [envelope] });
      else group.envelopes.push(envelope);
    }
    return { groups: groups.values(), strays };
  }

  #destinationOf(
    { destination }: LmtpAction,
    message: Message,
    envelope: Envelope,
  ): Endpoint | Outcome {
    if (destination.kind === "endpoint") return destination.endpoint;
    const { home, subAddressDelimiter } = this.#settings;
    const values = formatValues({ message, envelope }, home, subAddressDelimiter);
    const text = expandFormat(destination.format, values);
    const endpoint = typeof text === "string" ? parseLmtpEndpoint(text) : text;
    return "reason" in endpoint ? noDestination(endpoint.reason) : endpoint;
  }

  async #transact(
    task: DeliveryTask,
    { action, endpoint: destination }: Group,
  ): Promise<readonly DeliveryResult[]> {
    const { message, envelopes, text } = task;
    const addresses = await addressesOf(this.#resolver, { endpoint: destination });
    if (addresses.kind !== "addresses") {
      return forAll(envelopes, deferred("4.4.3", "LMTP host not found"));
    }
    const mail = {
      reversePath: message.reversePath,
      forwardPaths: envelopes.map((envelope) => recipientOf(envelope, action)),
      textBytes: text.bytes,
      is8bit: message.is8bit,
      // REQUIRETLS is about relaying: here the mail has arrived (RFC 8689 §2).
      ...(message.terms && {
        needs: {
          utf8: message.terms.utf8,
          // It is asked of servers that would have to send it on (RFC 6152).
          eightBit: false,
          binary: message.terms.isBinary,
          requireTls: false,
        },
      }),
    };
    let outcome = deferred("4.4.1", "LMTP host has no address");
    for (const endpoint of addresses.endpoints) {
      const route = this.#routeOf(action, endpoint);
      const sent = await this.#pool.send(route, mail, text, task.progress);
      if (sent.kind === "verdicts") {
        return envelopes.map(({ evpid }, index) => {
          const verdict = sent.verdicts[index];
          if (verdict === undefined) throw new TypeError("Cannot report: a verdict is missing");
          return { evpid, ...outcomeOf(verdict, route.host) };
        });
      }
      outcome = { ...outcomeOf(sent.verdict, route.host), outcome: "deferred" };
    }
    return forAll(envelopes, { ...outcome, status: `4${outcome.status.slice(1)}` });
  }

  #routeOf(action: LmtpAction, endpoint: Endpoint): ClientRoute {
    const host = formatEndpoint(endpoint);
    const key = `${action.name}|${host}`;
    return {
      key,
      endpoint,
      dialect: "lmtp",
      helo: this.#settings.helo,
      host,
      relay: "",
      session: SESSION,
      caps: () => [
        { key, of: "part", max: MAX_CONNECTIONS, delayMs: 0, reconnectMs: 0, words: CAP_WORDS },
      ],
    };
  }
}

/** `rcpt-to` gives the whole address, else the server knows its users by name. */
function recipientOf(envelope: Envelope, action: LmtpAction): string {
  if (action.rcptTo || envelope.transport.kind !== "mda") return envelope.destination;
  return envelope.transport.user;
}

function deferred(status: string, diagnostic: string): Outcome {
  return { outcome: "deferred", status, diagnostic, remote: "" };
}

function forAll(envelopes: readonly Envelope[], outcome: Outcome): readonly DeliveryResult[] {
  return envelopes.map(({ evpid }) => ({ evpid, ...outcome }));
}

/** It is what the addresses hold that makes no destination, and that does not change. */
function noDestination(reason: string): Outcome {
  const diagnostic = `No LMTP server can have this address: ${reason}`;
  return { outcome: "failed", status: "5.1.1", diagnostic, remote: "" };
}
