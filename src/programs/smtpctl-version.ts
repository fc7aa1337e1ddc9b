/** `smtpctl version`: which release this is, and on what it runs. Asks no daemon. */
import { printable } from "#engine/observe/visible-text.ts";
import { readOptionsAlone } from "./command-line.ts";
import type { Output } from "./smtpctl-printer.ts";
import { VERSION } from "./version.ts";

export const VERSION_USAGE = "usage: smtpctl version [--json]\n";
const EXIT_WRONG = 2;

/** What runs it, as `process.versions` has it. */
export type RuntimeVersions = Readonly<{ node: string; openssl: string }>;

/** @param args those of the command. */
export function runVersion(
  args: readonly string[],
  { node, openssl }: RuntimeVersions,
  output: Output,
): number {
  const line = readOptionsAlone(args, { json: { type: "boolean", default: false } });
  if (line.kind === "wrong") {
    output.complain(`smtpctl: ${printable(line.why)}\n${VERSION_USAGE}`);
    return EXIT_WRONG;
  }
  output.print(
    line.values.json
      ? `${JSON.stringify({ postrider: VERSION, node, openssl })}\n`
      : `Postrider ${VERSION}, Node.js ${node}, OpenSSL ${openssl}\n`,
  );
  return 0;
}
