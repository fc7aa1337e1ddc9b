/**
 * The configuration of the daemon, read at its start and again for a reload: the file,
 * what it includes, the files of tables, and what the machine adds.
 *
 * One table can be read again by itself. Then every other text is the one that was last
 * read, so that the table gets the checks of its uses, and nothing but it changes.
 */
import { resolve } from "node:path";
import { errorAt } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { BuildContext, ConfigSource, ReadFile } from "#model/config/config-source.ts";
import { parseConfig, type ParsedConfig } from "#model/config/parse-config.ts";
import { configSource } from "./text-files.ts";
import { type ConfigChoice, readConfig } from "./read-config.ts";

type Text = ReturnType<ReadFile>;

/** A configuration, or what is wrong with it. */
export type Read = Pick<ParsedConfig, "config" | "complaints">;

/** What a configuration was made of. */
interface Made {
  readonly texts: ReadonlyMap<string, Text>;
  readonly context: BuildContext;
}

export class ConfigFiles {
  readonly #choice: ConfigChoice;
  readonly #source: Required<ConfigSource>;
  /** Of those that may be in use, as one that was read need not be taken up. */
  readonly #made = new WeakMap<Config, Made>();
  #last: Made | undefined;

  /** Paths that are not absolute start in the folder that this process is in now. */
  constructor(choice: ConfigChoice) {
    this.#choice = choice;
    this.#source = sourceFrom(currentFolder(), configSource(choice.file));
  }

  /** The main file, as complaints name it. */
  get file(): string {
    return this.#choice.file;
  }

  /** The files that the last configuration without an error was read from, and looked for. */
  get paths(): readonly string[] {
    return [...(this.#last?.texts.keys() ?? [])];
  }

  readonly read: ReadFile = (path) => this.#source.read(path);

  /** Reads everything. */
  async whole(): Promise<Read> {
    const texts = new Map<string, Text>();
    const source = noting(texts, this.#source);
    const { context, ...read } = await readConfig(this.#choice, source);
    this.#note(read.config, { texts, context });
    return read;
  }

  /** Reads the file of the table `name` of `config` again, and those that aliases include. */
  async table(name: string, config: Config): Promise<Read> {
    const table = config.tables.get(name);
    const made = this.#made.get(config);
    if (table === undefined || made === undefined) return this.#refusal(`no such table: ${name}`);
    const { source } = table;
    // Each look-up asks it; taking it up has its file opened again.
    if (source.kind === "db") return { config, complaints: [] };
    if (source.kind !== "file" && source.kind !== "passwd") {
      return this.#refusal(`table ${name} is in no file: a reload reads it`);
    }
    const fresh = new Set([source.path, ...config.includes.keys()]);
    const texts = new Map<string, Text>();
    const read: ReadFile = (path) =>
      (fresh.has(path) ? undefined : made.texts.get(path)) ?? this.#source.read(path);
    const parsed = parseConfig(noting(texts, { ...this.#source, read }), made.context);
    this.#note(parsed.config, { ...made, texts });
    // Warnings about the rest were told when it was read.
    const complaints = parsed.complaints.filter(
      ({ severity, at }) => severity === "error" || fresh.has(at.file),
    );
    return { config: parsed.config, complaints };
  }

  #note(config: Config | undefined, made: Made): void {
    if (config === undefined) return;
    this.#made.set(config, made);
    this.#last = made;
  }

  #refusal(message: string): Read {
    const at = { file: this.#choice.file, line: 0, column: 0 };
    return { config: undefined, complaints: [errorAt(at, message)] };
  }
}

/** One that somebody has removed has no files; absolute paths are read all the same. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

/** The daemon leaves the folder that it was started in. */
function sourceFrom(
  folder: string,
  { file, read, readIncluded, readHead }: Required<ConfigSource>,
): Required<ConfigSource> {
  return {
    file,
    read: (path) => read(resolve(folder, path)),
    readIncluded: (path) => readIncluded(resolve(folder, path)),
    readHead: (path, maxBytes) => readHead(resolve(folder, path), maxBytes),
  };
}

/** Puts each text that is read into `texts`, by its path as it is written. */
function noting(texts: Map<string, Text>, source: Required<ConfigSource>): ConfigSource {
  const note =
    (read: ReadFile): ReadFile =>
    (path) => {
      const text = read(path);
      texts.set(path, text);
      return text;
    };
  return { ...source, read: note(source.read), readIncluded: note(source.readIncluded) };
}
