/**
 * The tables of the configuration in use, as the parent asks them: its own copy, and the
 * process lookup for those that are not in memory, by frames on the channel that they have.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import { isNews, type LookupMessage, type LookupQuestion } from "#model/ipc/lookup-link.ts";
import { Includes } from "#policy/expand/includes.ts";
import { Tables } from "#policy/tables/tables.ts";
import type { ChannelOwner } from "./channel.ts";
import { LookupAsker } from "./lookup-asker.ts";
import { RemoteTables } from "./remote-tables.ts";

interface Prepared {
  readonly config: Config;
  readonly tables: Tables;
  readonly includes: Includes;
}

export class ParentTables {
  readonly #config: () => Config;
  readonly #send: (question: LookupQuestion) => void;
  readonly #asker: LookupAsker;
  readonly #remote: RemoteTables;
  #lookup: ChannelOwner<LookupMessage> | undefined;
  #prepared: Prepared | undefined;

  /** @param send a question to lookup; lost if it does not run. */
  constructor(clock: Clock, config: () => Config, send: (question: LookupQuestion) => void) {
    this.#config = config;
    this.#send = send;
    this.#asker = new LookupAsker(clock);
    this.#remote = new RemoteTables(this.#asker);
  }

  readonly ask: AskTable = (table, service, key) => this.#now().tables.lookup(table, service)(key);

  get includes(): Includes {
    return this.#now().includes;
  }

  /** Lookup runs, for the first time or again. */
  lookupStarted(): void {
    this.#asker.linked({
      congested: false,
      start: (owner) => {
        this.#lookup = owner;
      },
      send: (request) => {
        if (!isNews(request)) this.#send(request);
      },
      end: () => undefined,
      destroy: () => undefined,
    });
  }

  lookupGone(): void {
    this.#lookup?.closed("it has ended");
    this.#lookup = undefined;
  }

  answered(answer: LookupMessage): void {
    if (answer.kind !== "staple") this.#lookup?.message(answer);
  }

  /** Of a configuration what is asked for is prepared, when it first is. */
  #now(): Prepared {
    const config = this.#config();
    if (this.#prepared?.config === config) return this.#prepared;
    const { tables, includes, subAddressDelimiter: delimiter } = config;
    this.#prepared = {
      config,
      tables: new Tables(tables, { delimiter, backendOf: this.#remote.backendOf }),
      includes: new Includes(includes),
    };
    return this.#prepared;
  }
}
