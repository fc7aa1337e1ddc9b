/**
 * What may stand where on the command line of smtpctl(8), for the shells that complete it: made
 * of the table of its commands and of the usage of those with options of their own.
 */
import { unreachable } from "#base/unreachable.ts";
import { GROUPINGS } from "#model/queue-grouping.ts";
import { QUEUE_STATES } from "#model/queue-filter.ts";
import { CONFIG_DIFF_USAGE } from "./smtpctl-config-diff.ts";
import { COMMANDS, type OwnCommand, PARAMETERS } from "./smtpctl-commands.ts";
import { COMPLETION_USAGE } from "./smtpctl-completion-usage.ts";
import { DOCTOR_USAGE } from "./smtpctl-doctor-arguments.ts";
import { ENCRYPT_USAGE } from "./smtpctl-encrypt.ts";
import { EXPLAIN_USAGE } from "./smtpctl-explain-arguments.ts";
import { QUEUE_OPTIONS, takenOptions } from "./smtpctl-queue-options.ts";
import { SPF_WALK_USAGE } from "./smtpctl-spf.ts";
import { SPOOL_USAGE } from "./smtpctl-spool-commands.ts";
import { VERSION_USAGE } from "./smtpctl-version.ts";

/** What stands for a parameter in a path. */
export const ANY_WORD = "*";

/** What may stand behind the words of `path`. */
export interface CompletionPlace {
  /** ` show queue`: each word behind a blank; ANY_WORD for one that the operator chooses. */
  readonly path: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
  /** Whether names of files may stand there. */
  readonly files: boolean;
}

export type ValueKind = "file" | "word" | readonly string[];

export interface CompletionModel {
  readonly places: readonly CompletionPlace[];
  /** The values of each option that has one. */
  readonly values: ReadonlyMap<string, ValueKind>;
}

/** Options of every command. */
const GENERAL: readonly string[] = ["--json", "--state"];
const FILE_WORDS: readonly string[] = ["file", "new-file", "folder"];

export function completionModel(): CompletionModel {
  const places = new Places();
  const values = new Map<string, ValueKind>(Object.entries(QUEUE_VALUES));
  for (const command of COMMANDS) {
    if (command.kind === "missing") continue;
    const end = places.along(command.words);
    if (command.kind === "asking") {
      for (const option of takenOptions(command.takes)) end.options.add(written(option));
      continue;
    }
    const own = usageOptions(usageOf(command.command));
    for (const [option, kind] of own.values) values.set(option, kind);
    for (const option of own.options) end.options.add(option);
    end.files ||= own.takesFile;
  }
  return { places: places.all(), values };
}

interface GrowingPlace {
  readonly words: Set<string>;
  readonly options: Set<string>;
  files: boolean;
}

class Places {
  readonly #places = new Map<string, GrowingPlace>();

  /** Goes along the words of a command; the place behind them. */
  along(words: readonly string[]): GrowingPlace {
    let path = "";
    for (const word of words) {
      const isGiven = PARAMETERS.has(word);
      const place = this.#at(path);
      if (!isGiven) place.words.add(word);
      path += ` ${isGiven ? ANY_WORD : word}`;
    }
    return this.#at(path);
  }

  all(): readonly CompletionPlace[] {
    return Array.from(this.#places, ([path, { words, options, files }]) => ({
      path,
      words: [...words].toSorted(),
      options: [...options].toSorted(),
      files,
    }));
  }

  #at(path: string): GrowingPlace {
    const place = this.#places.get(path) ?? {
      words: new Set(),
      options: new Set(GENERAL),
      files: false,
    };
    this.#places.set(path, place);
    return place;
  }
}

function written(option: string): string {
  return option.length === 1 ? `-${option}` : `--${option}`;
}

const QUEUE_VALUES: Readonly<Record<string, ValueKind>> = Object.fromEntries(
  Object.entries(QUEUE_OPTIONS)
    .filter(([, { type }]) => type === "string")
    .map(([name]) => [written(name), valuesOf(name)]),
);

function valuesOf(name: string): ValueKind {
  if (name === "by") return GROUPINGS;
  if (name === "f") return "file";
  return name === "state" ? QUEUE_STATES : "word";
}

interface UsageOptions {
  readonly options: readonly string[];
  readonly values: readonly (readonly [string, ValueKind])[];
  /** Whether a file or folder is what it is about. */
  readonly takesFile: boolean;
}

/** `[-f file]`, `--from address ...`, `[--json]`; what stands alone is an operand. */
function usageOptions(usage: string): UsageOptions {
  const options = new Set<string>();
  const values = new Map<string, ValueKind>();
  const rest = usage.replaceAll(
    /(?<=[[ {])(--?[A-Za-z][a-z-]*)(?: ([a-z][a-z=-]*))?(?=[\] }\n]|$)/gu,
    (_, option: string, value?: string) => {
      options.add(option);
      if (value !== undefined)
        values.set(option, value === "file" ? "file" : value === "dir" ? QUEUE_STATES : "word");
      return "";
    },
  );
  const takesFile = FILE_WORDS.some((word) =>
    new RegExp(`[ {[]${word}(?:[\\] }\\n]|$)`, "u").test(rest),
  );
  return { options: [...options], values: [...values], takesFile };
}

function usageOf(command: OwnCommand): string {
  switch (command) {
    case "completion bash":
    case "completion zsh":
      return COMPLETION_USAGE;
    case "config diff":
      return CONFIG_DIFF_USAGE;
    case "doctor":
      return DOCTOR_USAGE;
    case "encrypt":
      return ENCRYPT_USAGE;
    case "explain":
      return EXPLAIN_USAGE;
    case "import opensmtpd":
      return SPOOL_USAGE.import;
    case "spf walk":
      return SPF_WALK_USAGE;
    case "spool compact":
      return SPOOL_USAGE.compact;
    case "spool export":
      return SPOOL_USAGE.export;
    case "spool verify":
      return SPOOL_USAGE.verify;
    case "version":
      return VERSION_USAGE;
    default:
      return unreachable(command);
  }
}
