/**
 * The sending side: a queue and its relay in a simulated world, and all that is known of what
 * became of its mail. Reports come back to it, and are kept.
 */
import type { Action, RelayAction } from "#model/config/action.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Event } from "#model/events.ts";
import { randomEvpid } from "#model/ids.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import type { RelayParties } from "#engine/relay/parties.ts";
import { Relay, type RelayPorts } from "#engine/relay/relay.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import type { SimClock } from "#world/sim/clock.ts";
import type { SimRandom } from "#world/sim/random.ts";
import type { SimWorld } from "#world/sim/world.ts";
import { maildirAction, relayAction, toHosts } from "#test/support/actions.ts";
import { messageOf, textOf } from "#test/support/deliveries.ts";
import { HUB } from "#test/support/far-side/draw-sites.ts";
import { allQueued } from "#test/support/queued.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { certificateOf } from "./certificate-of.ts";

const SERVER = "mail.here.example";
const TTL_MS = 96 * 3_600_000;

export interface Letter {
  readonly forwardPaths: readonly string[];
  /** What stands below its header; lines end in CRLF. */
  readonly body: string;
}

/** A message that the queue has accepted; its reverse-path is its name. */
export interface Accepted {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly text: string;
  readonly atMs: number;
}

export type Attempt = Extract<Event, { kind: "delivery" }>;

/** A report to the sender, as it was delivered. */
export interface Report {
  /** Whom it is for: the reverse-path of what it is about. */
  readonly to: string;
  readonly text: string;
}

export class SendingSide {
  readonly accepted: Accepted[] = [];
  readonly reports: Report[] = [];
  /** To the far side, in order. */
  readonly attempts: Attempt[] = [];
  /** Reverse-path and destination of each. */
  readonly expired: Set<string> = new Set();
  readonly #clock: SimClock;
  readonly #random: SimRandom;
  readonly #relay: Relay;
  readonly #queue: Queue;

  constructor(
    { clock, resolver, tls }: SimWorld,
    random: SimRandom,
    network: RelayPorts["network"],
  ) {
    this.#clock = clock;
    this.#random = random;
    const parties = relayParties(tls, { askCredentials }, certificateOf(HUB));
    this.#relay = new Relay(
      { network, clock, random: random.fork("relay"), resolver },
      RELAYS,
      parties,
    );
    const carrier: Carrier = {
      attempt: (task) => (isReport(task) ? this.#keep(task) : this.#relay.attempt(task)),
    };
    this.#queue = createQueue(
      {
        spool: new RamSpool(),
        clock,
        random: random.fork("queue"),
        routing: {
          resolve: async ({ forwardPath }) => ({
            kind: "accepted",
            envelopes: [plan(forwardPath, "local")],
          }),
        },
        carrier,
        observe: (event) => this.#observe(event),
      },
      { ...DEFAULT_QUEUE_SETTINGS, serverName: SERVER, actions: ACTIONS },
    );
  }

  /** @throws {Error} if the queue does not accept it. */
  async send({ forwardPaths, body }: Letter): Promise<Accepted> {
    const submission = this.#queue.localIntake().open();
    if (submission === undefined) throw new Error("Cannot send: the queue gives no message id");
    const { msgid } = submission;
    const reversePath = `${msgid}@here.example`;
    const text = `Subject: ${msgid}\r\n\r\n${body}`;
    const acceptedAtMs = this.#clock.wallMs();
    submission.write(Buffer.from(text, "latin1"));
    const receipt = await submission.commit(
      messageOf(textOf(text), { msgid, reversePath, acceptedAtMs }),
      forwardPaths.map((forwardPath) => ({
        ...plan(forwardPath, forwardPath.endsWith(".via.example") ? "hub" : "out"),
        evpid: randomEvpid(this.#random, msgid),
        forwardPath,
        terms: undefined,
      })),
    );
    if (receipt.kind !== "accepted") throw new Error(`Cannot send: ${receipt.kind}`);
    const accepted = { reversePath, forwardPaths, text, atMs: acceptedAtMs };
    this.accepted.push(accepted);
    return accepted;
  }

  /** What is in the queue, each with its reason. */
  waiting(): Promise<readonly QueuedEnvelope[]> {
    return allQueued(this.#queue);
  }

  /** Has all end; what is under way still takes the time that its limits give it. */
  async end(): Promise<void> {
    await Promise.all([this.#queue.stop(), this.#relay.close()]);
  }

  async #keep({ envelopes, text }: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of text.chunks()) chunks.push(chunk);
    const report = Buffer.concat(chunks).toString("latin1");
    return envelopes.map(({ evpid, destination }) => {
      this.reports.push({ to: destination, text: report });
      return { evpid, outcome: "delivered", status: "2.0.0", diagnostic: "Kept", remote: "" };
    });
  }

  #observe(event: Event): void {
    if (event.kind === "delivery" && event.envelope.action !== "local") this.attempts.push(event);
    if (event.kind === "expired")
      this.expired.add(`${event.message.reversePath} ${event.envelope.destination}`);
  }
}

const RELAYS: ReadonlyMap<string, RelayAction> = new Map([
  ["out", relayAction("out", { helo: SERVER, ttlMs: TTL_MS })],
  ["hub", relayAction("hub", { helo: SERVER, ttlMs: TTL_MS, ...throughHub() })],
]);
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ...RELAYS,
  ["local", maildirAction("local", { ttlMs: TTL_MS })],
]);

/** `relay host smtp+tls://us@hub.example auth <secrets>`. */
function throughHub(): Pick<RelayAction, "to" | "auth"> {
  const to = toHosts(HUB);
  if (to.kind !== "hosts") throw new TypeError("Cannot be: it is a list of hosts");
  const hosts = to.hosts.map((host) => ({ ...host, tls: "starttls", label: "us" }) as const);
  return { to: { ...to, hosts }, auth: { ...to.table, name: "secrets" } };
}

const askCredentials: RelayParties["askCredentials"] = async () => ({
  kind: "found",
  value: { user: "us", password: "secret" },
});

function isReport({ envelopes }: DeliveryTask): boolean {
  return envelopes.every(({ action }) => action === "local");
}

function plan(destination: string, action: string): PlannedEnvelope {
  const isLocal = action === "local";
  return {
    destination,
    action,
    transport: isLocal ? { kind: "mda", user: "sender", extension: "" } : { kind: "mta" },
    rule: "smtpd.conf:9",
    trail: [],
    ttlMs: TTL_MS,
  };
}
