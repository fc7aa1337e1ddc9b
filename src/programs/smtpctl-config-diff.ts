/**
 * `smtpctl config diff`: what a configuration would change, in its meaning: against the
 * running daemon's, or with `-f` against that of another file.
 *
 * Exit status: 0 if nothing changes, 1 if something does, 2 if they cannot be compared.
 */
import { unreachable } from "#base/unreachable.ts";
import { type Change, diffOutlines } from "#model/config/config-diff.ts";
import { type Outline, type OutlineItem, outlineOf } from "#model/config/outline.ts";
import type { Place } from "#model/config/place.ts";
import type { Form } from "#model/ipc/control-link.ts";
import { printable, printableJson, printableLines } from "#engine/observe/visible-text.ts";
import { readOptions, type WrongArguments, wrong } from "./command-line.ts";
import { chooseFile, FILE_OPTIONS, type FileChoice, type ReadChosen } from "./file-choice.ts";
import type { Output } from "./smtpctl-printer.ts";

const EXIT_SAME = 0;
const EXIT_DIFFERENT = 1;
const EXIT_FAULT = 2;

export const CONFIG_DIFF_USAGE: string =
  "usage: smtpctl config diff [-f file] [-D name=value] [--compat opensmtpd] [--json] [--state dir] new-file\n";

export interface ConfigDiffTools {
  readonly read: ReadChosen;
  /** The running daemon's, without its secrets; a string says why there is none. */
  running(stateFolder: string | undefined): Promise<Outline | string>;
}

interface ConfigDiffArguments {
  readonly kind: "arguments";
  readonly to: FileChoice;
  /** Undefined: the running daemon's. */
  readonly from: FileChoice | undefined;
  readonly form: Form;
  readonly stateFolder: string | undefined;
}

/** @param args those of the command. */
export async function runConfigDiff(
  args: readonly string[],
  tools: ConfigDiffTools,
  output: Output,
): Promise<number> {
  const parsed = parseArguments(args);
  if (parsed.kind === "wrong") {
    output.complain(`smtpctl: ${printable(parsed.why)}\n${CONFIG_DIFF_USAGE}`);
    return EXIT_FAULT;
  }
  const complain = (complaint: string): void => output.complain(`${printableLines(complaint)}\n`);
  const outlines = await readBoth(parsed, tools, complain);
  if (typeof outlines === "string") {
    output.complain(`smtpctl: ${printable(outlines)}\n`);
    return EXIT_FAULT;
  }
  const changes = diffOutlines(outlines.from, outlines.to);
  for (const change of changes) output.print(formatChange(change, parsed.form));
  return changes.length === 0 ? EXIT_SAME : EXIT_DIFFERENT;
}

async function readBoth(
  { from, to, stateFolder }: ConfigDiffArguments,
  tools: ConfigDiffTools,
  complain: (complaint: string) => void,
): Promise<{ readonly from: Outline; readonly to: Outline } | string> {
  const after = await tools.read(to, complain);
  if (after === undefined) return `${to.file} cannot be used`;
  if (from === undefined) {
    const running = await tools.running(stateFolder);
    if (typeof running === "string") return running;
    return { from: running, to: outlineOf(after, "left-out") };
  }
  const before = await tools.read(from, complain);
  if (before === undefined) return `${from.file} cannot be used`;
  return { from: outlineOf(before, "digested"), to: outlineOf(after, "digested") };
}

function parseArguments(args: readonly string[]): ConfigDiffArguments | WrongArguments {
  const line = readOptions(args, {
    ...FILE_OPTIONS,
    f: { type: "string", short: "f" },
    json: { type: "boolean", default: false },
  });
  if (line.kind === "wrong") return line;
  const [file, ...others] = line.words;
  if (file === undefined || others.length > 0) return wrong("one file is wanted");
  const { f, json, state } = line.values;
  const to = chooseFile(file, line.values);
  if (typeof to === "string") return wrong(to);
  const from = f === undefined ? undefined : { ...to, file: f };
  return { kind: "arguments", to, from, form: json ? "json" : "text", stateFolder: state };
}

/** One JSON text a line, or one to three lines for a person. */
function formatChange(change: Change, form: Form): string {
  if (form === "json") return `${printableJson(JSON.stringify(jsonOf(change)))}\n`;
  return changeLines(change)
    .map((line) => `${printable(line, Number.POSITIVE_INFINITY)}\n`)
    .join("");
}

function changeLines(change: Change): readonly string[] {
  switch (change.kind) {
    case "added":
      return [`+ ${itemText(change.to)}`];
    case "removed":
      return [`- ${itemText(change.from)}`];
    case "moved":
      return [`> ${itemText(change.to)}, was ${placeText(change.from.at)}`];
    case "changed": {
      const { from, to } = change;
      const hint = from.text === to.text ? " (what it holds)" : "";
      return [`! ${itemText(from)}`, `  ${itemText(to)}${hint}`];
    }
    default:
      return unreachable(change);
  }
}

function itemText({ text, at }: OutlineItem): string {
  return `${placeText(at)}: ${text}`;
}

function placeText(at: Place | undefined): string {
  return at === undefined || at.line === 0 ? "default" : `${at.file}:${at.line}`;
}

function jsonOf(change: Change): object {
  const { kind, section } = change;
  return {
    kind,
    section,
    ...("from" in change ? { from: itemJson(change.from) } : {}),
    ...("to" in change ? { to: itemJson(change.to) } : {}),
  };
}

/** Digests are of no use to anybody else. */
function itemJson({ name, text, at }: OutlineItem): object {
  return { name, text, at };
}
