/**
 * The tables of a running server, by name. A look-up that was taken out goes on working
 * when `update table` puts another content in place of the old one, so rules need not be
 * compiled anew.
 *
 * A table is compiled once for each service that it is asked for, when that is first
 * wanted, and again when it is replaced: not while a session waits.
 */
import type { Table } from "#model/config/table.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableBackend, TableLookup } from "./answers.ts";
import { createKeyMemory, type KeyMemory } from "./key-forms.ts";
import { compileTable } from "./table-lookup.ts";

export interface TablesSettings {
  /** `smtp sub-addr-delim`. */
  readonly delimiter: string;
  /** Where the entries of a remote table are. */
  readonly backendOf?: (table: Table) => TableBackend | undefined;
}

interface Slot {
  table: Table;
  /** `current` is compiled for `table`; `lookup` asks whatever `current` is. */
  readonly uses: Map<TableService, { current: TableLookup; readonly lookup: TableLookup }>;
}

export class Tables {
  readonly #settings: TablesSettings;
  readonly #memory: KeyMemory;
  readonly #slots = new Map<string, Slot>();
  #version = 0;

  constructor(tables: ReadonlyMap<string, Table>, settings: TablesSettings) {
    this.#settings = settings;
    this.#memory = createKeyMemory(settings.delimiter);
    for (const table of tables.values()) this.#slots.set(table.name, { table, uses: new Map() });
  }

  /** Another number after each replacement, for what was made of the entries of a table. */
  get version(): number {
    return this.#version;
  }

  /** @param table one of these tables, or one that only its user knows. */
  lookup(table: Table, service: TableService): TableLookup {
    const slot = this.#slots.get(table.name);
    if (slot === undefined) return this.#compile(table, service);
    const known = slot.uses.get(service);
    if (known !== undefined) return known.lookup;
    const use = {
      current: this.#compile(slot.table, service),
      lookup: (key: string) => use.current(key),
    };
    slot.uses.set(service, use);
    return use.lookup;
  }

  /** The table as it is now; undefined if there is none of that name. */
  get(name: string): Table | undefined {
    return this.#slots.get(name)?.table;
  }

  /**
   * Puts `table` in the place of the one with its name.
   *
   * @returns whether there was one.
   */
  replace(table: Table): boolean {
    const slot = this.#slots.get(table.name);
    if (slot === undefined) return false;
    slot.table = table;
    this.#version++;
    for (const [service, use] of slot.uses) use.current = this.#compile(table, service);
    return true;
  }

  #compile(table: Table, service: TableService): TableLookup {
    return compileTable(table, service, {
      delimiter: this.#settings.delimiter,
      backend: this.#settings.backendOf?.(table),
      memory: this.#memory,
    });
  }
}
