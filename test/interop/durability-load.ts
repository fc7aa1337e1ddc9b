/**
 * A daemon, the mailboxes that it fills, and a load whose ledger is compared with them:
 * what the durability tests have in common.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { TestContext } from "node:test";
import { type Arrival, Ledger, type Tally } from "#test/support/ledger.ts";
import { LedgerClient } from "#test/support/ledger-client.ts";
import { LedgerTraffic } from "#test/support/ledger-traffic.ts";
import { simRandom, type SimRandom } from "#world/sim/random.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { arrivalIn, deliveredFiles, RelaySink, removeAll, reportedIn } from "./mailboxes.ts";
import { MAIL_USER, type Scratch } from "./scratch.ts";

const KIB = 1024;
/** One message in eight is so large that it becomes a blob. */
const MIXED_SIZES: readonly [number, ...number[]] = [
  KIB,
  2 * KIB,
  4 * KIB,
  4 * KIB,
  8 * KIB,
  16 * KIB,
  64 * KIB,
  KIB * KIB,
];

/** The local part of who sends a load. */
const SENDER = "load";

/** Given by SEED to have a run again. */
export const SEED: number = Number(process.env["SEED"] ?? randomInt(2 ** 31));

export interface RigSettings {
  /** Where the Maildirs are; in the scratch folder if left out. */
  readonly mailFolder?: string;
  readonly stateFolder?: string;
  /** Stand before its own. */
  readonly rules?: readonly string[];
  readonly options?: readonly string[];
}

/**
 * Mail for `local.example` goes to Maildirs, mail for `out.example` to the sink, and reports
 * about what the sink refuses to a Maildir of the sender's.
 */
export class DurabilityRig {
  readonly daemon: KillableDaemon;
  readonly sink: RelaySink;
  readonly random: SimRandom;
  readonly #scratch: Scratch;
  readonly #mailFolder: string;
  #loads = 0;

  private constructor(
    scratch: Scratch,
    parts: {
      readonly daemon: KillableDaemon;
      readonly sink: RelaySink;
      readonly mailFolder: string;
    },
  ) {
    this.#scratch = scratch;
    this.daemon = parts.daemon;
    this.sink = parts.sink;
    this.#mailFolder = parts.mailFolder;
    this.random = simRandom(SEED);
  }

  /** The daemon is not started yet. */
  static async make(scratch: Scratch, settings: RigSettings = {}): Promise<DurabilityRig> {
    const { mailFolder = scratch.mailFolder("mail"), rules: first = [], ...others } = settings;
    const sink = scratch.use(await RelaySink.start());
    const rules = [
      ...first,
      `action "keep" maildir "${mailFolder}/%{dest.user}" user ${MAIL_USER}`,
      `action "out" relay host "smtp://127.0.0.1:${sink.port}"`,
      'match from any for domain { "local.example", "client.example" } action "keep"',
      'match from any for domain "out.example" action "out"',
    ];
    const daemon = await KillableDaemon.make(scratch, { ...others, rules });
    return new DurabilityRig(scratch, { daemon, sink, mailFolder });
  }

  /** Begins a load at once; `scratch` ends it if the test does not. */
  load(settings: Partial<LoadSettings> = {}): Load {
    const {
      sessions = 8,
      recipients = ["anna@local.example", "berta@local.example", "carla@out.example"],
      sizesBytes = MIXED_SIZES,
      ...count
    } = settings;
    const name = `load${++this.#loads}`;
    mkdirSync(`${this.#scratch.folder}/ledgers`, { recursive: true });
    const ledger = new Ledger(`${this.#scratch.folder}/ledgers/${name}`);
    const seed = this.random.uint32();
    const traffic = new LedgerTraffic({ seed, name, recipients, sizesBytes, ...count });
    const client = new LedgerClient(this.daemon.servers, sessions, { ledger, traffic });
    return this.#scratch.use({
      ledger,
      client,
      async [Symbol.asyncDispose]() {
        await client.stop();
        ledger.close();
      },
    });
  }

  /** All that was delivered, wherever, but for reports. */
  arrivals(): readonly Arrival[] {
    const files = deliveredFiles(this.#mailFolder).filter((path) => !isReport(path));
    return [...files.map(arrivalIn), ...this.sink.arrivals()];
  }

  /** Messages of which the sender was told that they failed; one for each report. */
  reported(): readonly string[] {
    return deliveredFiles(this.#mailFolder).filter(isReport).map(reportedIn);
  }

  /** Empties the mailboxes. */
  forget(): void {
    removeAll(deliveredFiles(this.#mailFolder));
    this.sink.forget();
  }
}

/** Nobody but the daemon writes to the sender of a load. */
function isReport(path: string): boolean {
  return path.includes(`/${SENDER}/new/`);
}

export interface LoadSettings {
  readonly sessions: number;
  readonly recipients: readonly [string, ...string[]];
  readonly sizesBytes: readonly [number, ...number[]];
  readonly count: number;
}

export interface Load extends AsyncDisposable {
  readonly ledger: Ledger;
  readonly client: LedgerClient;
}

/** What all rounds of a test came to, in the words that they are told with. */
export class Figures {
  readonly #counts = new Map<string, number>();

  add(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  tell(context: TestContext): void {
    const words = [...this.#counts].map(([name, count]) => `${name} ${count}`);
    context.diagnostic(`seed ${SEED}: ${words.join(", ")}`);
  }
}

/** Nothing acknowledged is lost, nothing came with another body, nothing unacknowledged came twice. */
export function assertKept(tally: Tally, where: string): void {
  assert.deepEqual(
    { lost: tally.lost, altered: tally.altered, unacknowledgedTwice: tally.unacknowledgedTwice },
    { lost: [], altered: [], unacknowledgedTwice: [] },
    where,
  );
}
