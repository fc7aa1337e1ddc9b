/**
 * newaliases(8) from its arguments to its exit status.
 *
 * Makes the database of the table that smtpd.conf(5) calls "aliases", or of
 * /etc/mail/aliases, whether or not the configuration uses it: who calls this has changed the
 * text, and wants to know what is wrong with it, and whether anybody reads it. Before there is
 * a configuration at its usual place the text is checked and made all the same. A daemon that keeps the text in memory
 * is told to read it again.
 *
 * Source: newaliases(8); OpenSMTPD makemap.c, newaliases.
 */
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { ParsedConfig } from "#model/config/parse-config.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { readOptions } from "./command-line.ts";
import { makeMap } from "./make-map.ts";
import { DEFAULT_CONFIG_FILE } from "./smtpd-options.ts";

const USAGE = "usage: newaliases [-f file]";
const TABLE = "aliases";
/** Where there is no such table. */
const DEFAULT_ALIASES_FILE = "/etc/mail/aliases";

export interface NewaliasesWorld {
  readonly uid: number;
  exists(file: string): boolean;
  /** The meaning of a configuration; what `db:` tables are is not looked at. */
  parse(file: string): Promise<Pick<ParsedConfig, "config" | "complaints">>;
  /** Has the daemon read a table again; one line says what went wrong. No daemon is no fault. */
  updateTable(name: string): Promise<string | undefined>;
  /** Both take a line without its end. */
  print(line: string): void;
  complain(line: string): void;
}

interface Order {
  /** Undefined: the usual one, if it is there. */
  readonly configFile: string | undefined;
  /** `-OAliasFile=PATH`: goes before what the configuration says. */
  readonly aliasesFile: string | undefined;
}

export async function runNewaliases(
  words: readonly string[],
  world: NewaliasesWorld,
): Promise<number> {
  const order = parseOrder(words);
  if (typeof order === "string") {
    fail(world, order);
    world.complain(USAGE);
    return 1;
  }
  if (world.uid !== 0) return fail(world, "need root privileges");
  const configFile = order.configFile ?? DEFAULT_CONFIG_FILE;
  const isMissing = order.configFile === undefined && !world.exists(configFile);
  const config = isMissing ? NO_TABLES : await readConfig(configFile, world);
  if (config === undefined) return 1;
  const source = order.aliasesFile ?? aliasesFile(config);
  const outcome = makeMap({ source, out: `${source}.db`, type: "aliases" });
  if (outcome.kind === "failed") {
    for (const complaint of outcome.complaints) fail(world, complaint);
    return 1;
  }
  world.print(`${printable(source)}: ${outcome.count} aliases`);
  if (!isUsed(source, config)) {
    const why = isMissing ? `there is no ${configFile}` : `${configFile} has no table of this file`;
    world.complain(`newaliases: warning: ${printable(why)}: nobody reads it`);
  }
  // A `db:` table sees the new file by itself.
  if (config.tables.get(TABLE)?.source.kind !== "file") return 0;
  const trouble = await world.updateTable(TABLE);
  return trouble === undefined ? 0 : fail(world, `smtpd goes on with the old aliases: ${trouble}`);
}

/** A string says what is wrong with the words. */
function parseOrder(words: readonly string[]): Order | string {
  const line = readOptions(words, {
    f: { type: "string", short: "f" },
    // As sendmail's newaliases, which is `sendmail -bi`, takes them.
    C: { type: "string", short: "C" },
    O: { type: "string", short: "O", multiple: true },
    b: { type: "string", short: "b", default: "i" },
  });
  if (line.kind === "wrong") return line.why;
  const { f, O: options = [], b } = line.values;
  const [extra] = line.words;
  if (extra !== undefined) return `Unexpected argument '${extra}'`;
  if (b !== "i") return `unknown mode: -b${b}`;
  const option = options.find((each) => each.startsWith("AliasFile="));
  return { configFile: f, aliasesFile: option?.slice("AliasFile=".length) };
}

type Tables = Pick<Config, "tables">;

const NO_TABLES: Tables = { tables: new Map() };

function isUsed(source: string, { tables }: Tables): boolean {
  return Array.from(tables.values()).some(
    ({ source: of }) =>
      (of.kind === "file" && of.path === source) ||
      (of.kind === "db" && of.path === `${source}.db`),
  );
}

async function readConfig(file: string, world: NewaliasesWorld): Promise<Tables | undefined> {
  const { config, complaints } = await world.parse(file);
  if (config === undefined)
    for (const complaint of complaints) world.complain(formatComplaint(complaint));
  return config;
}

/** The text that the table is made of. */
function aliasesFile(config: Tables): string {
  const source = config.tables.get(TABLE)?.source;
  if (source?.kind !== "file" && source?.kind !== "db") return DEFAULT_ALIASES_FILE;
  return source.path.replace(/\.db$/u, "");
}

function fail(world: NewaliasesWorld, complaint: string): number {
  world.complain(`newaliases: ${printable(complaint)}`);
  return 1;
}
