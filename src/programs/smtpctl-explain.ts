/**
 * `smtpctl explain`: what would become of a message that does not exist. With `-f` the
 * file is read and judged in this process, else the running daemon tells what its own
 * configuration does.
 *
 * Exit status: 0 if every recipient (and the message) would be accepted, 1 if one would
 * be refused, 75 (EX_TEMPFAIL, sysexits(3)) if one would be put off and none refused,
 * 2 if there is nothing to explain.
 */
import type {
  ExplainedReply,
  ExplainFault,
  Explanation,
  ExplainQuestion,
} from "#model/explanation.ts";
import { checkMessage } from "#engine/explain/message-check.ts";
import { printExplanation } from "#engine/explain/print-explanation.ts";
import { printable, printableJson, printableLines } from "#engine/observe/visible-text.ts";
import type { FileChoice } from "./file-choice.ts";
import { withCrlfLines } from "./line-ends.ts";
import {
  EXPLAIN_USAGE,
  type ExplainArguments,
  parseExplainArguments,
} from "./smtpctl-explain-arguments.ts";
import type { Output } from "./smtpctl-printer.ts";

const EXIT_ACCEPTED = 0;
const EXIT_REFUSED = 1;
const EXIT_NOTHING = 2;
const EXIT_LATER = 75;

/** What explains, and where files come from. */
export interface ExplainTools {
  /** What the running daemon says. */
  ask(
    question: ExplainQuestion,
    stateFolder: string | undefined,
  ): Promise<Explanation | ExplainFault>;
  /** What the configuration in a file says; its errors are told first. */
  judge(
    question: ExplainQuestion,
    config: FileChoice,
    complain: (complaint: string) => void,
  ): Promise<Explanation | ExplainFault>;
  /** The bytes of a message, or why there are none. */
  readMessage(path: string): Promise<Uint8Array | string>;
}

/** @param args those of the command. */
export async function runExplain(
  args: readonly string[],
  tools: ExplainTools,
  output: Output,
): Promise<number> {
  const parsed = parseExplainArguments(args);
  if (parsed.kind === "wrong") {
    output.complain(`smtpctl: ${printable(parsed.why)}\n${EXPLAIN_USAGE}\n`);
    return EXIT_NOTHING;
  }
  const message = await messageOf(parsed, tools);
  if (typeof message === "string") return nothing(message, output);
  const asked: ExplainQuestion = { ...parsed.question, sizeBytes: message?.length ?? 0 };
  const answer = await explanationOf(asked, parsed, { tools, output });
  if (answer.kind === "explain-fault") return nothing(answer.why, output);
  const explanation =
    message === undefined
      ? answer
      : { ...answer, message: checkMessage(message, answer.maxMessageBytes) };
  output.print(
    parsed.form === "json"
      ? `${printableJson(JSON.stringify(explanation))}\n`
      : printExplanation(explanation),
  );
  return exitStatus(explanation);
}

function explanationOf(
  question: ExplainQuestion,
  { config, stateFolder }: ExplainArguments,
  { tools, output }: { readonly tools: ExplainTools; readonly output: Output },
): Promise<Explanation | ExplainFault> {
  if (config === undefined) return tools.ask(question, stateFolder);
  return tools.judge(question, config, (complaint) =>
    output.complain(`${printableLines(complaint)}\n`),
  );
}

async function messageOf(
  { messageFile }: ExplainArguments,
  tools: ExplainTools,
): Promise<Uint8Array | string | undefined> {
  if (messageFile === undefined) return undefined;
  const bytes = await tools.readMessage(messageFile);
  return typeof bytes === "string" ? `cannot read ${messageFile}: ${bytes}` : withCrlfLines(bytes);
}

function nothing(why: string, output: Output): number {
  output.complain(`smtpctl: ${printable(why)}\n`);
  return EXIT_NOTHING;
}

function exitStatus({ greeting, recipients, message }: Explanation): number {
  const replies: readonly ExplainedReply[] = [
    ...[...greeting, ...recipients].map(({ reply }) => reply),
    ...(message === undefined ? [] : [message]),
  ];
  if (replies.some(({ code }) => code >= 500)) return EXIT_REFUSED;
  return replies.some(({ code }) => code >= 400) ? EXIT_LATER : EXIT_ACCEPTED;
}
