/**
 * smtpctl(8) from its arguments to its exit status, over ports.
 *
 * Exit status: 0, 1 when the daemon refused or could not be reached, 2 when a change is
 * about many envelopes and nobody has said that it may be, 255 for a command that is not
 * one, as OpenSMTPD has it. Who may ask is decided by the mode of the control socket, not
 * here.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Form } from "#model/ipc/control-link.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { readOptions, type WrongArguments, wrong } from "./command-line.ts";
import { matchCommand } from "./command-words.ts";
import { type Asking, COMMANDS, PARAMETERS, type SmtpctlCommand } from "./smtpctl-commands.ts";
import { askDaemon, type Inquiry } from "./smtpctl-inquiry.ts";
import { monitor } from "./smtpctl-monitor.ts";
import type { OfflineQueue } from "./smtpctl-offline.ts";
import type { Output } from "./smtpctl-printer.ts";
import {
  excessOption,
  isQueueState,
  isSelecting,
  QUEUE_OPTIONS,
  type QueueOptions,
  type QueueOptionValues,
  readQueueOptions,
} from "./smtpctl-queue-options.ts";
import { statePaths } from "./state-paths.ts";

const EXIT_FAILED = 1;
const EXIT_NOT_A_COMMAND = 255;

const USAGE = "usage: smtpctl [--json] [--state dir] command [argument ...]\n";

export interface SmtpctlSetting {
  readonly network: Network;
  readonly clock: Clock;
  /** POSTRIDER_STATE; `--state` goes before it. */
  readonly stateFolder: string | undefined;
  readonly uid: number;
  readonly output: Output;
  /** Asks the person at the terminal; undefined if there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  /** From the call on, what tells that the person has had enough. */
  readonly interruption: () => AbortSignal;
  /** The queue of a daemon that is down. */
  readonly offline: OfflineQueue;
}

interface SmtpctlLine {
  readonly kind: "smtpctl-line";
  readonly words: readonly string[];
  readonly form: Form;
  readonly stateFolder: string | undefined;
  readonly options: QueueOptions;
  readonly values: QueueOptionValues;
}

/** Carries out the command and returns the exit status. */
export async function runSmtpctl(
  args: readonly string[],
  setting: SmtpctlSetting,
): Promise<number> {
  const { output, uid } = setting;
  const line = parseCommandLine(args);
  if (line.kind === "wrong") return complainOf(line.why, output);
  const matched = matchCommand(line.words, commandsFor(line.options), PARAMETERS);
  if (matched.kind === "unclear") {
    output.complain(possibilities(matched.possible));
    return EXIT_NOT_A_COMMAND;
  }
  const asking = askingOf(matched.command, matched.given, line);
  if (asking.kind === "missing") {
    output.complain(`smtpctl: ${printable(line.words.join(" "))}${asking.why}\n`);
    return EXIT_FAILED;
  }
  if (asking.kind === "wrong") return complainOf(asking.why, output);
  const { controlSocket, spool } = statePaths(line.stateFolder ?? setting.stateFolder, uid);
  const inquiry: Inquiry = {
    ...asking,
    socketPath: controlSocket,
    place: { spool, configFile: line.values.f },
    form: line.form,
  };
  return asking.shown.kind === "monitor" ? monitor(inquiry, setting) : askDaemon(inquiry, setting);
}

function askingOf(
  command: SmtpctlCommand,
  given: readonly string[],
  { options, values, form }: SmtpctlLine,
): (Asking & { readonly kind: "asking" }) | { kind: "missing"; why: string } | WrongArguments {
  if (command.kind === "missing") return command;
  // Its words are not where they are looked for: smtpctl-own-options.ts.
  if (command.kind === "own") return wrong("the words of a command stand together");
  const excess = excessOption(values, command.takes);
  if (excess !== undefined) return wrong(`'${command.words.join(" ")}' takes no ${excess}`);
  return { kind: "asking", ...command.ask(given, options, form) };
}

/** Without an option that selects, an order names what it is about. */
function commandsFor({ filter }: QueueOptions): readonly SmtpctlCommand[] {
  if (isSelecting(filter)) return COMMANDS;
  return COMMANDS.filter((each) => each.kind !== "asking" || each.takes !== "selection");
}

function complainOf(why: string, output: Output): number {
  output.complain(`smtpctl: ${printable(why)}\n${USAGE}`);
  return EXIT_NOT_A_COMMAND;
}

function parseCommandLine(args: readonly string[]): SmtpctlLine | WrongArguments {
  const line = readOptions(args, { ...QUEUE_OPTIONS, json: { type: "boolean" } });
  if (line.kind === "wrong") return line;
  const { json, ...values } = line.values;
  const options = readQueueOptions(values);
  if (options.kind === "wrong") return options;
  return {
    kind: "smtpctl-line",
    words: line.words,
    form: json === true ? "json" : "text",
    stateFolder: (values.state ?? []).findLast((word) => !isQueueState(word)),
    options,
    values,
  };
}

function possibilities(possible: readonly string[]): string {
  if (possible.length === 0) return "invalid command\n";
  return ["possibilities are:", ...possible.map((word) => `  ${word}`), ""].join("\n");
}
