/**
 * One command of smtpctl(8) that asks the daemon: the request, what is shown of the answer,
 * and the exit status.
 *
 * A change that is about many envelopes is not made at once: how many and some of them are
 * shown, and the person at the terminal is asked. Where there is none, nothing is changed.
 *
 * What can be told of a queue whose daemon is down is read from its spool.
 */
import type { Network } from "#base/ports/network.ts";
import { type Form, isOrder, MAX_UNSURE } from "#model/ipc/control-link.ts";
import { printable } from "#engine/observe/visible-text.ts";
import type { Asking } from "./smtpctl-commands.ts";
import { type Conversed, converse, type Part } from "./smtpctl-conversation.ts";
import type { OfflineQueue, SpoolPlace } from "./smtpctl-offline.ts";
import { answerPrinter, counted, type Output, rowPrinter } from "./smtpctl-printer.ts";

const EXIT_FAILED = 1;
const EXIT_UNSURE = 2;

export interface Inquiry extends Asking {
  readonly socketPath: string;
  /** What is read where no daemon answers. */
  readonly place: SpoolPlace;
  readonly form: Form;
}

export interface InquirySetting {
  readonly network: Network;
  readonly output: Output;
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  readonly offline: OfflineQueue;
}

/** Returns the exit status. */
export async function askDaemon(inquiry: Inquiry, setting: InquirySetting): Promise<number> {
  const { request, shown } = inquiry;
  if (shown.kind !== "count" || !isOrder(request)) return show(inquiry, setting);
  const unsure = new UnsureOrder(inquiry, setting.output);
  const answer = await converseWith(inquiry, setting, (part) => unsure.take(part));
  if (unsure.count === undefined) return finish(inquiry, answer, setting.output);
  const { confirm, output } = setting;
  if (confirm === undefined) return refuse(unsure.count, inquiry, output);
  if (!(await confirm(`${sentence(shown.verb, unsure.count)}: do it?`))) {
    output.complain("nothing was changed\n");
    return EXIT_UNSURE;
  }
  return askDaemon({ ...inquiry, request: { ...request, isSure: true } }, setting);
}

/** An order that may be about more envelopes than are changed unasked. */
class UnsureOrder {
  /** Undefined: it has been carried out. */
  count: number | undefined = undefined;
  readonly #sample: { take(part: Part): void };

  constructor({ form }: Inquiry, output: Output) {
    // No part of what programs read.
    this.#sample = rowPrinter(form, { ...output, print: (text) => output.complain(String(text)) });
  }

  take(part: Part): void {
    if (part.kind === "unsure") this.count = part.count;
    else this.#sample.take(part);
  }
}

async function show(inquiry: Inquiry, setting: InquirySetting): Promise<number> {
  const { output } = setting;
  const printer = answerPrinter(inquiry.shown, inquiry.form, output);
  const answer = await converseWith(inquiry, setting, (part) => printer.take(part));
  if (answer.kind === "done") printer.end(answer);
  return exitStatus(answer, output);
}

function finish(inquiry: Inquiry, answer: Conversed, output: Output): number {
  if (answer.kind === "done") answerPrinter(inquiry.shown, inquiry.form, output).end(answer);
  return exitStatus(answer, output);
}

function exitStatus(answer: Conversed, output: Output): number {
  if (answer.kind !== "done") {
    output.complain(`smtpctl: ${printable(answer.why)}\n`);
    return EXIT_FAILED;
  }
  if (answer.ok) return 0;
  const reason = answer.text === "" ? "" : `: ${printable(answer.text)}`;
  output.complain(`command failed${reason}\n`);
  return EXIT_FAILED;
}

async function converseWith(
  { request, socketPath, place }: Inquiry,
  { network, output, offline }: InquirySetting,
  take: (part: Part) => void,
): Promise<Conversed> {
  const to = { take, drained: () => output.drained() };
  const answer = await converse(network, { socketPath, request }, to);
  if (answer.kind !== "not-running") return answer;
  return (await offline.answer(request, place, to)) ?? answer;
}

function refuse(count: number, { form, shown }: Inquiry, output: Output): number {
  const verb = shown.kind === "count" ? shown.verb : "";
  if (form === "json") output.print(`${JSON.stringify({ ok: false, count: 0, meant: count })}\n`);
  output.complain(
    `${sentence(verb, count)}; nothing was changed: more than ${MAX_UNSURE} are changed with -y\n`,
  );
  return EXIT_UNSURE;
}

function sentence(verb: string, count: number): string {
  return `${counted(count, "envelope")} would be ${verb}`;
}
