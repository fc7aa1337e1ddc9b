/**
 * The tables of a configuration while it is built: declared, built in, and the
 * anonymous ones where they are used. Every use is checked: that there is such a table,
 * that it has the shape, and that its entries are what the use can take.
 *
 * Source: smtpd.conf(5), table(5); OpenSMTPD parse.y.
 */
import { anonymousName } from "./anonymous-table.ts";
import type { ComplaintList } from "./complaint.ts";
import type { BuildContext, BuildInput } from "./config-source.ts";
import { MAX_TABLE_NAME_LENGTH } from "./defaults.ts";
import { formatPlace, type Place } from "./place.ts";
import type { TableItems, TableMatchSyntax, TableOperand, TableStatement } from "./syntax.ts";
import type { Table, TableMatch } from "./table.ts";
import {
  type LoadedEntry,
  type LoadedTable,
  loadBuiltin,
  loadInline,
  loadTable,
  type Readers,
} from "./table-load.ts";
import {
  type CheckEntry,
  type EntryFault,
  isUsable,
  misuseMessage,
  TABLE_USES,
  type TableUse,
} from "./table-use.ts";
import { meantHint } from "./token-reader.ts";

export class TableStore {
  readonly #complaints: ComplaintList;
  readonly #readers: Readers;
  readonly #context: BuildContext;
  readonly #isPartial: boolean;
  readonly #tables = new Map<string, LoadedTable>();
  /** Names of tables that could not be loaded: complained about once. */
  readonly #broken = new Set<string>();
  /** Checks that each table has been through. */
  readonly #checked = new Map<unknown, Set<Table>>();
  #anonymous = 0;

  constructor(complaints: ComplaintList, input: BuildInput) {
    this.#complaints = complaints;
    this.#readers = { read: input.read, readHead: input.readHead };
    this.#context = input.context;
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
    for (const [name, texts] of Object.entries(lists))
      this.#tables.set(name, loadBuiltin(name, at, texts));
  }

  declare(statement: TableStatement): void {
    const { name } = statement;
    const earlier = this.#tables.get(name.text);
    const fault = tableNameFault(name.text, earlier !== undefined);
    if (fault !== undefined) {
      const isDeclared = earlier !== undefined && earlier.table.source.kind !== "builtin";
      const where = isDeclared ? `see ${formatPlace(earlier.table.at)}` : "";
      this.#complaints.error(name.at, fault, where);
      return;
    }
    const loaded = loadTable(statement, this.#readers, this.#complaints);
    if (loaded === undefined) this.#broken.add(name.text);
    else this.#tables.set(name.text, loaded);
  }

  /** The table for a use; with `regex` its keys are patterns. Undefined if there is a complaint. */
  use(operand: TableOperand, use: TableUse, regex = false): Table | undefined {
    const loaded = this.#resolve(operand);
    if (loaded === undefined) return undefined;
    const { table } = loaded;
    const meant = this.#tableMeantBy(operand);
    if (!isUsable(table, use, regex)) {
      const hint = meant === undefined ? misuseHint(table, regex) : `the table is <${meant}>`;
      this.#complaints.error(operand.at, misuseMessage(table.name, use), hint);
      return undefined;
    }
    if (meant !== undefined && use !== "tag" && !regex)
      this.#complaints.warning(
        operand.at,
        `'${meant}' is a value here, not the table of that name`,
        `the table is <${meant}>`,
      );
    if (regex) this.#checkPatterns(loaded, operand.at);
    else this.#check(loaded, use);
    return table;
  }

  /** `T` or `regex T`. Undefined if there is a complaint. */
  match(syntax: TableMatchSyntax, use: TableUse): TableMatch | undefined {
    const table = this.use(syntax.table, use, syntax.regex);
    return table && { table, regex: syntax.regex };
  }

  /** The entries of one of these tables, as written, with their places. */
  entries(table: Table): readonly LoadedEntry[] {
    return this.#tables.get(table.name)?.entries ?? [];
  }

  all(): ReadonlyMap<string, Table> {
    return new Map([...this.#tables].map(([name, { table }]) => [name, table]));
  }

  /** The declared table whose name stands where a value does: `alias aliases` for `alias <aliases>`. */
  #tableMeantBy(operand: TableOperand): string | undefined {
    if (operand.kind !== "inline" || operand.items.shape !== "list") return undefined;
    const [only, ...others] = operand.items.items;
    // With a dot it may well be a domain, and a table called after it.
    if (only === undefined || others.length > 0 || only.text.includes(".")) return undefined;
    const source = this.#tables.get(only.text)?.table.source;
    return source === undefined || source.kind === "builtin" ? undefined : only.text;
  }

  #resolve(operand: TableOperand): LoadedTable | undefined {
    if (operand.kind === "inline") return this.#addAnonymous(operand.items, operand.at);
    const loaded = this.#tables.get(operand.name);
    const isExplained = this.#isPartial || this.#broken.has(operand.name);
    if (loaded === undefined && !isExplained)
      this.#complaints.error(
        operand.at,
        `no such table: ${operand.name}`,
        meantHint(operand.name, [...this.#tables.keys()]),
      );
    return loaded;
  }

  #addAnonymous(items: TableItems, at: Place): LoadedTable {
    const name = anonymousName(++this.#anonymous);
    const loaded = loadInline(name, at, items);
    this.#tables.set(name, loaded);
    return loaded;
  }

  /** Complains of entries, once for each table and check. */
  #check(loaded: LoadedTable, use: TableUse): void {
    const { isSecret = false, check } = TABLE_USES[use];
    // A line of a passwd file need not have all that can be asked for.
    if (check === undefined || loaded.table.source.kind === "passwd") return;
    if (this.#isFirst(loaded.table, check)) this.#checkEntries(loaded, check, isSecret);
  }

  #checkPatterns(loaded: LoadedTable, at: Place): void {
    const { checkRegex, checkRegexTable } = this.#context;
    const { table } = loaded;
    if (checkRegex === undefined || !this.#isFirst(table, checkRegex)) return;
    const areGood = this.#checkEntries(loaded, (key) => patternFault(key, checkRegex(key)), false);
    const reason = areGood ? checkRegexTable?.([...table.entries.keys()]) : undefined;
    if (reason !== undefined)
      this.#complaints.error(at, `the patterns of ${table.name} are no table: ${reason}`);
  }

  #isFirst(table: Table, check: unknown): boolean {
    const done = this.#checked.get(check) ?? new Set();
    this.#checked.set(check, done);
    if (done.has(table)) return false;
    done.add(table);
    return true;
  }

  /** False after a complaint. */
  #checkEntries({ entries, text }: LoadedTable, check: CheckEntry, isSecret: boolean): boolean {
    let areGood = true;
    for (const { key, value } of entries) {
      const fault = check(key.text, value.text);
      if (fault === undefined) continue;
      areGood = false;
      if (text !== "" && !isSecret) this.#complaints.addFile(key.at.file, text);
      const { severity, message, hint } = fault;
      if (severity === "error") this.#complaints.error(key.at, message, hint);
      else this.#complaints.warning(key.at, message, hint);
    }
    return areGood;
  }
}

function patternFault(pattern: string, reason: string | undefined): EntryFault | undefined {
  if (reason === undefined) return undefined;
  return { severity: "error", message: `invalid regular expression: ${pattern}`, hint: reason };
}

function tableNameFault(name: string, isTaken: boolean): string | undefined {
  if (isTaken) return `table already declared with that name: ${name}`;
  if (name === "") return "a table needs a name";
  if (name.length > MAX_TABLE_NAME_LENGTH) return "table name too long";
  return undefined;
}

function misuseHint({ shape, source }: Table, regex: boolean): string {
  if (source.kind === "passwd") return "a passwd table has credentials and users";
  if (shape === "list") return "it is a list, and this needs a mapping";
  if (source.kind === "file")
    return "it is a mapping; '# @list' as the first line of its file makes it a list";
  return `it is a mapping, and ${regex ? "patterns are" : "this needs"} a list`;
}
