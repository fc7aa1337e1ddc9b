/**
 * A queue with everything around it in memory and on virtual time: what the system
 * tests drive. `restart` kills it and starts the next one on what was durable.
 */
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import type { Action } from "#model/config/action.ts";
import { type Envelope, type Message, NO_TERMS, type Origin, type Terms } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import { randomEvpid } from "#model/ids.ts";
import type { Receipt } from "#model/intake.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import type { Stranded } from "#model/stranded.ts";
import {
  type ConfiguredSettings,
  createQueue,
  DEFAULT_QUEUE_SETTINGS,
  type Queue,
  type QueueSettings,
} from "#engine/queue/queue.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { maildirAction, relayAction } from "#test/support/actions.ts";
import { CrashableSpool } from "./crashable-spool.ts";
import { ProcessLife } from "./process-life.ts";
import { ScriptedCarrier } from "./scripted-carrier.ts";

export const SERVER = "mail.example.com";
export const DAY_MS = 86_400_000;
/** `queue ttl`, smtpd.conf(5). */
export const TTL_MS: number = 4 * DAY_MS;

export const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["out", relayAction("out", { helo: SERVER, ttlMs: TTL_MS })],
  ["local", maildirAction("local", { ttlMs: TTL_MS })],
]);

export function actionsWithout(name: string): ReadonlyMap<string, Action> {
  return new Map([...ACTIONS].filter(([each]) => each !== name));
}

const CLIENT: Origin = {
  kind: "smtp",
  address: "192.0.2.9",
  hostname: "client.example.com",
  helo: "client.example.com",
  fcrdns: "fail",
  tag: "",
  username: "",
  tls: undefined,
};

export interface Letter {
  readonly from?: string;
  /** What was asked with MAIL. */
  readonly terms?: Partial<Terms>;
  /** NOTIFY of each recipient. */
  readonly notify?: readonly NotifyWord[];
  /** `user@example.com` is local, everything else is relayed. */
  readonly to: readonly string[];
  readonly text?: string;
  readonly action?: string;
}

/** The events of one kind; an event may have several kinds with the same fields. */
type EventOf<Kind extends Event["kind"]> = Event extends infer Each
  ? Each extends { readonly kind: infer Kinds }
    ? Kind extends Kinds
      ? Each
      : never
    : never
  : never;

export class MailSystem {
  readonly clock: SimClock = new SimClock();
  readonly seed: number;
  readonly events: Event[] = [];
  readonly carrier: ScriptedCarrier;
  readonly #settings: QueueSettings;
  #random: SimRandom;
  #life: ProcessLife | undefined;
  spool: CrashableSpool = new CrashableSpool();
  queue: Queue;
  /** Decides about bounces. */
  resolve: (query: RecipientQuery) => Resolution = (query) => ({
    kind: "accepted",
    envelopes: [plan(query.forwardPath, undefined)],
  });

  constructor(seed: number, settings: Partial<QueueSettings> = {}) {
    this.seed = seed;
    this.#random = new SimRandom(seed);
    this.carrier = new ScriptedCarrier(this.clock);
    this.#settings = {
      ...DEFAULT_QUEUE_SETTINGS,
      serverName: SERVER,
      bounceWarnIntervalsMs: [],
      actions: ACTIONS,
      ...settings,
    };
    this.queue = this.#start();
  }

  /** Kills the queue, and starts one on what was durable. Results of attempts under way are lost. */
  async restart(settings: Partial<QueueSettings> = {}): Promise<void> {
    this.spool = new CrashableSpool(this.spool.crash());
    this.queue = this.#start(settings);
    await this.queue.recover();
  }

  /** The configuration is what it was at the start, but for `changes`, from now on. */
  reload(changes: Partial<ConfiguredSettings>): Stranded {
    const settings = { ...this.#settings, ...changes };
    return this.queue.takeUp(settings, { resolve: (query) => this.resolve(query) });
  }

  async send(letter: Letter): Promise<{ readonly receipt: Receipt; readonly msgid: string }> {
    const submission = this.queue.localIntake().open();
    if (submission === undefined) throw new Error("The queue gives no message id");
    const { msgid } = submission;
    const text = Buffer.from(letter.text ?? "Subject: hello\r\n\r\nhello\r\n");
    const message = { ...this.message(msgid, letter), textBytes: text.length };
    submission.write(text);
    const receipt = await submission.commit(message, this.envelopes(msgid, letter));
    return { receipt, msgid };
  }

  /** All but the size of its text. */
  message(msgid: string, letter: Letter): Message {
    return {
      msgid,
      acceptedAtMs: this.clock.wallMs(),
      reversePath: letter.from ?? "alice@example.com",
      origin: CLIENT,
      textBytes: 0,
      is8bit: false,
      terms: letter.terms && { ...NO_TERMS, ...letter.terms },
    };
  }

  envelopes(msgid: string, letter: Letter): readonly Envelope[] {
    return letter.to.map((forwardPath) => ({
      ...plan(forwardPath, letter.action),
      terms: letter.notify && { notify: letter.notify, originalRecipient: "" },
      evpid: randomEvpid(this.#random, msgid),
      forwardPath,
    }));
  }

  /** Events of one kind, as they came. */
  seen<Kind extends Event["kind"]>(kind: Kind): readonly EventOf<Kind>[] {
    return this.events.filter((event): event is EventOf<Kind> & Event => event.kind === kind);
  }

  /** Times of the attempts for one destination, in seconds since the start. */
  attemptSeconds(destination: string): readonly number[] {
    return this.carrier.attempts
      .filter(({ envelopes }) => envelopes.some((each) => each.destination === destination))
      .map(({ atMs }) => atMs / 1000);
  }

  get size(): number {
    return this.queue.gauges().find(({ name }) => name === "scheduler.envelope")?.value ?? 0;
  }

  #start(settings: Partial<QueueSettings> = {}): Queue {
    this.#random = this.#random.fork("next");
    this.#life?.end();
    const life = new ProcessLife(this.clock, this.carrier);
    this.#life = life;
    return createQueue(
      {
        spool: this.spool,
        clock: life.clock,
        random: this.#random,
        routing: { resolve: (query) => this.resolve(query) },
        carrier: life.carrier,
        observe: (event) => this.events.push(event),
      },
      { ...this.#settings, ...settings },
    );
  }
}

function plan(
  forwardPath: string,
  action: string | undefined,
): Omit<Envelope, "evpid" | "forwardPath"> {
  const at = forwardPath.lastIndexOf("@");
  const isLocal = forwardPath.slice(at + 1) === "example.com";
  return {
    destination: forwardPath,
    action: action ?? (isLocal ? "local" : "out"),
    transport: isLocal
      ? { kind: "mda", user: forwardPath.slice(0, at), extension: "" }
      : { kind: "mta" },
    rule: "smtpd.conf:9",
    trail: [],
    terms: undefined,
    ttlMs: TTL_MS,
  };
}
