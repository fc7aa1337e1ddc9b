/**
 * smtpctl(8) from its arguments to its exit status, over ports.
 *
 * Exit status: 0, 1 when the daemon refused or could not be reached, 255 for a
 * command that is not one, as OpenSMTPD has it. Who may ask is decided by the mode of
 * the control socket, not here.
 */
import { parseArgs } from "node:util";
import type { Network } from "#base/ports/network.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { matchCommand } from "./command-words.ts";
import { COMMANDS, PARAMETERS } from "./smtpctl-commands.ts";
import { converse } from "./smtpctl-conversation.ts";
import { answerPrinter, type Form, type Output } from "./smtpctl-printer.ts";
import { statePaths } from "./state-paths.ts";

const EXIT_FAILED = 1;
const EXIT_NOT_A_COMMAND = 255;

const USAGE = "usage: smtpctl [--json] [--state dir] command [argument ...]\n";

export interface SmtpctlSetting {
  readonly network: Network;
  /** POSTRIDER_STATE; `--state` goes before it. */
  readonly stateFolder: string | undefined;
  readonly uid: number;
  readonly output: Output;
}

interface CommandLine {
  readonly words: readonly string[];
  readonly form: Form;
  readonly stateFolder: string | undefined;
}

/** Carries out the command and returns the exit status. */
export async function runSmtpctl(
  args: readonly string[],
  { network, stateFolder, uid, output }: SmtpctlSetting,
): Promise<number> {
  const line = parseCommandLine(args);
  if (typeof line === "string") {
    output.complain(`smtpctl: ${printable(line)}\n${USAGE}`);
    return EXIT_NOT_A_COMMAND;
  }
  const matched = matchCommand(line.words, COMMANDS, PARAMETERS);
  if (matched.kind === "unclear") {
    output.complain(possibilities(matched.possible));
    return EXIT_NOT_A_COMMAND;
  }
  if (matched.command.ask === undefined) {
    output.complain(`smtpctl: ${matched.command.words.join(" ")} is not built yet\n`);
    return EXIT_FAILED;
  }
  const { request, shown } = matched.command.ask(matched.given);
  const socketPath = statePaths(line.stateFolder ?? stateFolder, uid).controlSocket;
  const printer = answerPrinter(shown, line.form, output);
  const answer = await converse(
    network,
    { socketPath, request },
    { take: (part) => printer.take(part), drained: () => output.drained() },
  );
  if (answer.kind === "no-answer") {
    output.complain(`smtpctl: ${answer.why}\n`);
    return EXIT_FAILED;
  }
  printer.end(answer);
  if (answer.ok) return 0;
  const reason = answer.text === "" ? "" : `: ${printable(answer.text)}`;
  output.complain(`command failed${reason}\n`);
  return EXIT_FAILED;
}

/** The options may stand anywhere; a string says what is wrong with them. */
function parseCommandLine(args: readonly string[]): CommandLine | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, state: { type: "string" } },
      allowPositionals: true,
    });
    return {
      words: positionals,
      form: values.json === true ? "json" : "text",
      stateFolder: values.state,
    };
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

function possibilities(possible: readonly string[]): string {
  if (possible.length === 0) return "invalid command\n";
  return ["possibilities are:", ...possible.map((word) => `  ${word}`), ""].join("\n");
}
