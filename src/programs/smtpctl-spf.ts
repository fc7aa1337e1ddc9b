/**
 * `smtpctl spf walk`: the networks that the records of domains let send mail, one on a line, for a
 * table of hosts that are not to be put off.
 *
 * What could not be followed is told on standard error.
 *
 * Exit status: 0; 1 if a domain has no record that can be read, or not all was answered; 2 for wrong words.
 * Source: smtpctl(8).
 */
import type { Resolver } from "#base/ports/resolver.ts";
import type { Form } from "#model/ipc/control-link.ts";
import { type SpfWalk, walkSpf } from "#engine/doctor/spf-walk.ts";
import { printable, printableJson } from "#engine/observe/visible-text.ts";
import { readOptionsAlone } from "./command-line.ts";
import type { Output } from "./smtpctl-printer.ts";

export const SPF_WALK_USAGE = "usage: smtpctl spf walk [--json] < domains\n";
const EXIT_FAILED = 1;
const EXIT_WRONG = 2;

export interface SpfTools {
  readonly resolver: Resolver;
  /** Of the standard input: domains. */
  readonly lines: AsyncIterable<string>;
}

/** @param args those of the command. */
export async function runSpfWalk(
  args: readonly string[],
  { resolver, lines }: SpfTools,
  output: Output,
): Promise<number> {
  const line = readOptionsAlone(args, { json: { type: "boolean", default: false } });
  if (line.kind === "wrong") {
    output.complain(`smtpctl: ${printable(line.why)}\n${SPF_WALK_USAGE}`);
    return EXIT_WRONG;
  }
  const printer = new NetworkPrinter(line.values.json ? "json" : "text", output);
  let status = 0;
  for await (const each of lines) {
    const domain = each.trim();
    if (domain === "" || domain.startsWith("#")) continue;
    const answer = await walkSpf(domain, resolver);
    const isWhole = answer.kind === "walk" && !answer.walk.isPartial;
    if (!isWhole) status = EXIT_FAILED;
    const troubles = answer.kind === "walk" ? answer.walk.troubles : [faultOf(answer)];
    for (const trouble of troubles) output.complain(`${printable(`${domain}: ${trouble}`)}\n`);
    if (answer.kind === "walk") printer.print(domain, answer.walk);
  }
  return status;
}

/** Prints each network once. */
class NetworkPrinter {
  readonly #form: Form;
  readonly #output: Output;
  readonly #told = new Set<string>();

  constructor(form: Form, output: Output) {
    this.#form = form;
    this.#output = output;
  }

  print(domain: string, { networks }: SpfWalk): void {
    for (const { text } of networks) {
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      const row = printableJson(JSON.stringify({ domain, network: text }));
      this.#output.print(`${this.#form === "json" ? row : printable(text)}\n`);
    }
  }
}

function faultOf(
  answer: Exclude<Awaited<ReturnType<typeof walkSpf>>, { readonly kind: "walk" }>,
): string {
  if (answer.kind === "absent") return "it has no SPF record";
  return answer.kind === "wrong" ? answer.why : answer.cause.message;
}
