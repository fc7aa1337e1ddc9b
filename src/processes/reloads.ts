/**
 * Reloads: reads the configuration again, as the start did, and has the daemon take it
 * up; or one table of it. A file with an error in it changes nothing.
 *
 * They are made one after the other. What is asked for while one runs waits for it, and
 * is made once for all who asked.
 *
 * Source: smtpctl(8) `update table`; OpenSMTPD ignores SIGHUP.
 */
import { unreachable } from "#base/unreachable.ts";
import { type Complaint, errorAt, formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { Stranded } from "#model/stranded.ts";
import type { Swapped } from "./config-swap.ts";
import type { DaemonLog } from "./log-target.ts";
import { OneAtATime } from "./one-at-a-time.ts";

/** What was read. Undefined: an error is among the complaints. */
export interface Reading {
  readonly config: Config | undefined;
  readonly complaints: readonly Complaint[];
}

/** Reads what the daemon was started with again, with the checks of its start. */
export interface ConfigReader {
  whole(): Promise<Reading>;
  /** `config` with one of its tables read again. */
  table(name: string, config: Config): Promise<Reading>;
}

export type Reloaded =
  /** `complaints` are warnings. */
  | {
      readonly kind: "reloaded";
      readonly complaints: readonly Complaint[];
      readonly stranded: Stranded;
    }
  /** Nothing has changed. */
  | {
      readonly kind: "refused";
      readonly why: string;
      readonly complaints: readonly Complaint[];
    };

/** The daemon, as far as its configuration goes. */
export interface Reloadable {
  /** The one in use. */
  readonly config: Config;
  /** `onlyTable`: nothing but the entries of that table differs. */
  swap(config: Config, onlyTable?: string): Promise<Swapped>;
}

const NOTHING_CHANGED = "nothing has changed";

export class Reloads {
  readonly #daemon: Reloadable;
  readonly #reader: ConfigReader;
  readonly #log: DaemonLog;
  readonly #jobs = new OneAtATime<Reloaded>();

  constructor(daemon: Reloadable, reader: ConfigReader, log: DaemonLog) {
    this.#daemon = daemon;
    this.#reader = reader;
    this.#log = log;
  }

  whole(): Promise<Reloaded> {
    return this.#run("configuration", () => this.#reader.whole());
  }

  table(name: string): Promise<Reloaded> {
    const read = (): Promise<Reading> => this.#reader.table(name, this.#daemon.config);
    return this.#run(`table ${name}`, read, name);
  }

  /** Takes up a configuration that the caller has made. */
  to(config: Config): Promise<Reloaded> {
    return this.#run("given configuration", async () => ({ config, complaints: [] }));
  }

  async #run(what: string, read: () => Promise<Reading>, onlyTable?: string): Promise<Reloaded> {
    const job = async (): Promise<Reloaded> => {
      const reloaded = await this.#reload(read, onlyTable);
      this.#tell(what, reloaded);
      return reloaded;
    };
    return this.#jobs.run(what, job) ?? BUSY;
  }

  async #reload(read: () => Promise<Reading>, onlyTable: string | undefined): Promise<Reloaded> {
    const { config, complaints } = await read();
    if (config === undefined) return { kind: "refused", why: NOTHING_CHANGED, complaints };
    const swapped = await this.#daemon.swap(config, onlyTable);
    switch (swapped.kind) {
      case "swapped":
        for (const name of swapped.renewed) this.#log.warn(`${name} did not answer: started anew`);
        return { kind: "reloaded", complaints, stranded: swapped.stranded };
      case "cannot-bind":
        return {
          kind: "refused",
          why: NOTHING_CHANGED,
          complaints: [...complaints, errorAt(swapped.at, swapped.why)],
        };
      case "refused":
        return { kind: "refused", why: swapped.why, complaints };
      default:
        return unreachable(swapped);
    }
  }

  #tell(what: string, reloaded: Reloaded): void {
    // The first line of each; the rest shows the place in the file to whoever has it.
    for (const complaint of reloaded.complaints) {
      const [line = ""] = formatComplaint(complaint).split("\n", 1);
      this.#log.warn(line);
    }
    if (reloaded.kind === "refused") {
      this.#log.warn(`${what} not reloaded: ${reloaded.why}`);
      return;
    }
    this.#log.info(`${what} reloaded`);
    const words = formatStranded(reloaded.stranded);
    if (words !== undefined) this.#log.warn(words);
  }
}

const BUSY: Reloaded = {
  kind: "refused",
  why: "another one waits already: try again when it is done",
  complaints: [],
};

/** Names of actions that a line has room for. */
const MAX_SHOWN_ACTIONS = 10;

/** In words; undefined if nothing is. */
export function formatStranded({ envelopes, actions }: Stranded): string | undefined {
  if (envelopes === 0) return undefined;
  const count = envelopes === 1 ? "1 envelope waits" : `${envelopes} envelopes wait`;
  const shown = actions.slice(0, MAX_SHOWN_ACTIONS).map((name) => JSON.stringify(name));
  const more = actions.length > shown.length ? ", …" : "";
  return `${count} for actions that are gone: ${shown.join(", ")}${more}`;
}
