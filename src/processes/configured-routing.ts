/**
 * The routing of one configuration. Its tables may be read again: sessions that began
 * with it keep its rules, and see what is in its tables now.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Users } from "#base/ports/users.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { Config } from "#model/config/config.ts";
import type { ForwardFiles } from "#model/forward-file.ts";
import type { Routing } from "#model/resolution.ts";
import { Includes } from "#policy/expand/includes.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { senderRules } from "#policy/tables/sender-rules.ts";
import { Tables, type TablesSettings } from "#policy/tables/tables.ts";
import type { NextConfig } from "./role.ts";

/** Whom decisions ask. */
export interface RoutingSources {
  readonly users: Users;
  readonly forwardFiles: ForwardFiles;
  readonly backendOf: TablesSettings["backendOf"];
  readonly clock: Clock;
}

export class ConfiguredRouting {
  readonly routing: Routing;
  readonly senders: SenderRules;
  readonly askTable: AskTable;
  readonly #sources: RoutingSources;
  readonly #tables: Tables;
  readonly #includes: Includes;

  constructor(config: Config, sources: RoutingSources) {
    this.#sources = sources;
    const { users, forwardFiles, backendOf, clock } = sources;
    const { tables, includes, subAddressDelimiter: delimiter } = config;
    this.#tables = new Tables(tables, { delimiter, ...(backendOf && { backendOf }) });
    this.askTable = (table, service, key) => this.#tables.lookup(table, service)(key);
    this.senders = senderRules(this.#tables, delimiter);
    this.#includes = new Includes(includes);
    this.routing = createRouting(config, {
      users,
      forwardFiles,
      tables: this.#tables,
      includes: this.#includes,
      clock,
    });
  }

  /**
   * Gets ready to decide by another configuration. What decides from then on is what the
   * function returns, which is called when it is taken up, if it is.
   */
  prepare({ config, onlyTable }: NextConfig): () => ConfiguredRouting {
    if (onlyTable === undefined) {
      const routing = new ConfiguredRouting(config, this.#sources);
      return () => routing;
    }
    return () => {
      this.#replaceTable(config, onlyTable);
      return this;
    };
  }

  #replaceTable({ tables, includes }: Config, name: string): void {
    const table = tables.get(name);
    if (table !== undefined) this.#tables.replace(table);
    this.#includes.replace(includes);
  }
}
