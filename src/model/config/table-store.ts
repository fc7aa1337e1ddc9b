/**
 * The tables of a configuration while it is built: declared, loaded from files,
 * built in, and the anonymous ones of rules.
 */
import { parseIpNetwork } from "#base/ip-address.ts";
import type { ComplaintList } from "./complaint.ts";
import { formatPlace, type Place, type Table } from "./config.ts";
import type { BuildContext, BuildInput, ReadFile } from "./config-source.ts";
import { MAX_TABLE_NAME_LENGTH } from "./defaults.ts";
import type { TableItems, TableOperand, TableStatement, Word } from "./syntax.ts";
import { parseTableFile } from "./table-file.ts";
import { meantHint } from "./token-reader.ts";

/** A table with its keys as written, since not every use may fold them. */
interface LoadedTable {
  readonly table: Table;
  readonly keys: readonly Word[];
}

type Shape = Table["shape"];
type Pair = readonly [key: Word, value: string];

export class TableStore {
  readonly #complaints: ComplaintList;
  readonly #read: ReadFile;
  readonly #isPartial: boolean;
  readonly #tables = new Map<string, LoadedTable>();
  /** Names of tables that could not be loaded: complained about once. */
  readonly #broken = new Set<string>();
  readonly #checked = new Set<Table>();
  #anonymous = 0;

  constructor(complaints: ComplaintList, input: BuildInput) {
    this.#complaints = complaints;
    this.#read = input.read;
    this.#isPartial = input.isPartial;
  }

  /** `<localhost>`, `<anyhost>`, `<localnames>`, `<anydestination>`, as OpenSMTPD makes them (parse.y). */
  addBuiltins(context: BuildContext, at: Place): void {
    const addresses = [...context.interfaces.values()].flat();
    const lists = {
      localhost: ["local", ...addresses],
      anyhost: ["local", "0.0.0.0/0", "::/0"],
      localnames: ["localhost", context.serverName, ...addresses],
      anydestination: ["*"],
    };
    for (const [name, texts] of Object.entries(lists)) {
      const pairs = texts.map((text): Pair => [{ text, at }, ""]);
      this.#tables.set(name, load(name, at, { kind: "builtin" }, ["list", pairs]));
    }
  }

  declare(statement: TableStatement): void {
    const { name, source } = statement;
    const earlier = this.#tables.get(name.text);
    const fault = tableNameFault(name.text, earlier !== undefined);
    if (fault !== undefined) {
      const where =
        earlier === undefined || earlier.table.source.kind === "builtin"
          ? ""
          : `see ${formatPlace(earlier.table.at)}`;
      this.#complaints.error(name.at, fault, where);
      return;
    }
    if (source.kind === "inline") {
      const pairs = inlinePairs(source.items);
      const content = [source.items.shape, pairs] as const;
      this.#tables.set(name.text, load(name.text, name.at, { kind: "inline" }, content));
      return;
    }
    const content = this.#loadFile(name.text, source);
    if (content === undefined) this.#broken.add(name.text);
    else {
      const from = { kind: "file", path: source.path } as const;
      this.#tables.set(name.text, load(name.text, name.at, from, content));
    }
  }

  /** The list that a rule's `use` asks for; undefined if there is a complaint. */
  list(operand: TableOperand, use: "from" | "for"): Table | undefined {
    const loaded = this.#resolve(operand, use);
    if (loaded === undefined) return undefined;
    if (operand.kind === "inline") this.#tables.set(loaded.table.name, loaded);
    if (use === "from") this.#checkNetworks(loaded);
    return loaded.table;
  }

  /** The items of a list, as written; undefined if there is a complaint. */
  items(operand: TableOperand, use: "host"): readonly Word[] | undefined {
    return this.#resolve(operand, use)?.keys;
  }

  all(): ReadonlyMap<string, Table> {
    return new Map([...this.#tables].map(([name, { table }]) => [name, table]));
  }

  #resolve(operand: TableOperand, use: string): LoadedTable | undefined {
    const loaded =
      operand.kind === "reference"
        ? this.#tables.get(operand.name)
        : this.#loadAnonymous(operand.items, operand.at, use);
    if (loaded === undefined) {
      const isExpected = !this.#isPartial && operand.kind === "reference";
      if (isExpected && !this.#broken.has(operand.name))
        this.#complaints.error(
          operand.at,
          `no such table: ${operand.name}`,
          meantHint(operand.name, [...this.#tables.keys()]),
        );
      return undefined;
    }
    // An empty file counts as a mapping, yet it may be a list without items.
    if (loaded.table.shape === "list" || loaded.keys.length === 0) return loaded;
    this.#complaints.error(
      operand.at,
      `table "${loaded.table.name}" may not be used for ${use} lookups`,
      loaded.table.source.kind === "file"
        ? "it is a mapping; '# @list' as the first line of its file makes it a list"
        : "it is a mapping, and this needs a list",
    );
    return undefined;
  }

  #loadAnonymous(items: TableItems, at: Place, use: string): LoadedTable {
    // Hosts are resolved at once and leave no table behind, so they take no number.
    const name = use === "host" ? "<dynamic>" : `<dynamic:${++this.#anonymous}>`;
    return load(name, at, { kind: "inline" }, [items.shape, inlinePairs(items)]);
  }

  #loadFile(
    name: string,
    source: { readonly path: string; readonly at: Place },
  ): readonly [Shape, readonly Pair[]] | undefined {
    const { path } = source;
    const text = this.#read(path);
    const message = `invalid configuration file ${path} for table ${name}`;
    if (typeof text !== "string") {
      this.#complaints.error(source.at, message, text.message);
      return undefined;
    }
    this.#complaints.addFile(path, text);
    const result = parseTableFile(text);
    if (result.kind === "table-fault") {
      this.#complaints.error({ file: path, line: result.line, column: 1 }, result.reason);
      this.#complaints.error(source.at, message);
      return undefined;
    }
    const pairs = result.entries.map(({ key, value, line }): Pair => {
      return [{ text: key, at: { file: path, line, column: 1 } }, value];
    });
    return [result.shape, pairs];
  }

  #checkNetworks({ table, keys }: LoadedTable): void {
    if (this.#checked.has(table)) return;
    this.#checked.add(table);
    for (const key of keys)
      if (key.text.toLowerCase() !== "local" && parseIpNetwork(key.text) === undefined)
        this.#complaints.error(
          key.at,
          `invalid network: ${key.text}`,
          "write an address, ADDRESS/BITS or 'local'",
        );
  }
}

function tableNameFault(name: string, isTaken: boolean): string | undefined {
  if (isTaken) return `table already declared with that name: ${name}`;
  if (name === "") return "a table needs a name";
  if (name.length > MAX_TABLE_NAME_LENGTH) return "table name too long";
  return undefined;
}

function inlinePairs(items: TableItems): readonly Pair[] {
  if (items.shape === "list") return items.items.map((word): Pair => [word, ""]);
  return items.pairs.map(({ key, value }): Pair => [key, value.text]);
}

function load(
  name: string,
  at: Place,
  source: Table["source"],
  [shape, pairs]: readonly [Shape, readonly Pair[]],
): LoadedTable {
  const entries = new Map(pairs.map(([key, value]) => [key.text.toLowerCase(), value]));
  return { table: { at, name, source, shape, entries }, keys: pairs.map(([key]) => key) };
}
