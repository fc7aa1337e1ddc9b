/**
 * The process `lookup`: asks the tables that are not in memory, for the processes that
 * decide about recipients.
 *
 * Runs as: `_smtpl`, when the configuration has such a table, under Node's permission
 * model: it reads files; it has no network, starts no program and writes nothing, but
 * that SQLite opens files outside the model (its user holds it there). Holds: the files
 * of `db:` tables, those that its own copy of the configuration names. Talks to: the
 * parent, the dispatchers, the queue (for bounces). When it dies, look-ups are
 * unavailable, and recipients get a 451, until it is started again.
 */
import type { TableFile, TableFiles } from "#base/ports/table-files.ts";
import type { Config } from "#model/config/config.ts";
import type { Observe } from "#model/events.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import {
  type LookupAnswer,
  type LookupQuestion,
  MAX_LOOKUP_REASON_BYTES,
  MAX_LOOKUPS_UNDER_WAY,
} from "#model/ipc/lookup-link.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import type { Link } from "./channel.ts";
import type { Joined, NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { LOOKUP_SIDE } from "./shapes.ts";

/** @param files the tables of this machine, or of a simulated one. */
export function lookupRole(files: TableFiles): StartRole {
  return async (setting) => new Lookup(setting, files);
}

class Lookup implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #files: TableFiles;
  /** By the name of the table. */
  #tables: ReadonlyMap<string, WatchedTable>;

  constructor(setting: RoleSetting, files: TableFiles) {
    this.#setting = setting;
    this.#files = files;
    const { tables, fault } = this.#tablesOf(setting.config);
    this.#tables = tables;
    // At the start of the daemon the parent gives up for that; later the other tables must go on.
    if (fault !== undefined) setting.parent.send({ kind: "tables-fault", why: fault });
  }

  /** All tables are opened anew; one that cannot be read is a reason not to take them up. */
  async prepare({ config }: NextConfig): Promise<Prepared | string> {
    const { tables, fault } = this.#tablesOf(config);
    if (fault !== undefined) {
      closeAll(tables);
      return fault;
    }
    return {
      takeUp: () => {
        closeAll(this.#tables);
        this.#tables = tables;
        return NONE_STRANDED;
      },
      abandon: () => closeAll(tables),
    };
  }

  joined(sibling: Joined): void {
    if (sibling.to === "dispatcher" || sibling.to === "queue")
      serve(sibling.open(LOOKUP_SIDE), (question) => this.#answer(question));
    else sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    if (message.kind !== "shutdown") return;
    closeAll(this.#tables);
    this.#setting.parent.send({ kind: "stopped" });
    this.#setting.end();
  }

  /** Those that are files, and what is wrong with them, in one line. */
  #tablesOf(config: Config): {
    readonly tables: ReadonlyMap<string, WatchedTable>;
    readonly fault: string | undefined;
  } {
    const { observe } = this.#setting.observer;
    const tables = new Map<string, WatchedTable>();
    const faults: string[] = [];
    for (const { name, source } of config.tables.values()) {
      if (source.kind !== "db") continue;
      const table = new WatchedTable(name, this.#files.table(source.path), observe);
      const fault = table.check();
      if (fault !== undefined) faults.push(fault);
      tables.set(name, table);
    }
    return { tables, fault: faults.length === 0 ? undefined : bounded(faults.join("; ")) };
  }

  #answer({ request, table, keys }: LookupQuestion): LookupAnswer {
    const known = this.#tables.get(table);
    // A sibling has another configuration, for as long as a reload takes.
    if (known === undefined)
      return { kind: "unavailable", request, why: `no table "${table}" is known here` };
    return known.answer(request, keys);
  }
}

function closeAll(tables: ReadonlyMap<string, WatchedTable>): void {
  for (const table of tables.values()) table.close();
}

/** Answers the questions of one sibling, in order, as fast as it takes the answers. */
function serve(
  channel: Link<LookupQuestion, LookupAnswer>,
  answer: (question: LookupQuestion) => LookupAnswer,
): void {
  const waiting: LookupQuestion[] = [];
  const work = (): void => {
    while (!channel.congested) {
      const question = waiting.shift();
      if (question === undefined) return;
      channel.send(answer(question));
    }
  };
  channel.start({
    message(question) {
      // A sibling asks no more than that before it has answers.
      if (waiting.length >= MAX_LOOKUPS_UNDER_WAY) channel.destroy();
      else waiting.push(question);
      work();
    },
    drained: work,
    closed: () => void waiting.splice(0),
  });
}

/** A table whose troubles are told to the log when they begin and when they end, not at each question. */
class WatchedTable {
  readonly #name: string;
  readonly #file: TableFile;
  readonly #observe: Observe;
  /** What was last wrong with it; "" when it was fine. */
  #trouble = "";

  constructor(name: string, file: TableFile, observe: Observe) {
    this.#name = name;
    this.#file = file;
    this.#observe = observe;
  }

  /** Why it cannot be read now, in one line, for the parent to tell. */
  check(): string | undefined {
    const fault = this.#file.fault();
    this.#trouble = fault === undefined ? "" : this.#why(fault);
    return fault && this.#trouble;
  }

  answer(request: number, keys: readonly string[]): LookupAnswer {
    const answer = this.#file.lookupAny(keys);
    if (answer.kind === "unavailable") return this.#unavailable(request, this.#why(answer.cause));
    if (answer.kind === "found" && Buffer.byteLength(answer.value.value) > MAX_STORED_VALUE_BYTES) {
      const why = `table ${this.#name}: the value of a key has more than ${MAX_STORED_VALUE_BYTES} bytes`;
      return this.#unavailable(request, why);
    }
    this.#tell("");
    if (answer.kind === "absent") return { kind: "absent", request };
    return { kind: "found", request, ...answer.value };
  }

  close(): void {
    this.#file.close();
  }

  #unavailable(request: number, why: string): LookupAnswer {
    this.#tell(why);
    return { kind: "unavailable", request, why };
  }

  #tell(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble === "") this.#observe({ kind: "notice", text: `table ${this.#name} can be read` });
    else this.#observe({ kind: "warning", text: trouble });
  }

  #why(cause: Error): string {
    const isForbidden = "code" in cause && cause.code === "EACCES";
    const hint = isForbidden ? " (started by root, lookup reads it as the user _smtpl)" : "";
    return bounded(`table ${this.#name}: ${cause.message}${hint}`);
  }
}

/** A frame has room for it: UTF-8 has three bytes at most for a UTF-16 unit. */
function bounded(reason: string): string {
  return reason.slice(0, MAX_LOOKUP_REASON_BYTES / 3);
}
