/** makemap(8) from its arguments to its exit status. */
import { unreachable } from "#base/unreachable.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { readTable } from "#world/node/sqlite-table.ts";
import { makeMap } from "./make-map.ts";
import { MAKEMAP_USAGE, parseMakemapArguments } from "./makemap-arguments.ts";

/** Lines come without a line end. */
export interface MakemapOutput {
  /** A person reads what is printed. */
  readonly isTerminal: boolean;
  print(line: string): void;
  complain(line: string): void;
}

export function runMakemap(words: readonly string[], output: MakemapOutput): number {
  const order = parseMakemapArguments(words);
  switch (order.kind) {
    case "help":
      output.print(MAKEMAP_USAGE);
      return 0;
    case "dump":
      return dump(order.file, output);
    case "make": {
      const outcome = makeMap(order);
      if (outcome.kind === "failed") return fail(outcome.complaints, output);
      if (outcome.count === 0)
        output.complain(`makemap: warning: empty map created: ${printable(order.out)}`);
      return 0;
    }
    case "wrong":
      output.complain(`makemap: ${printable(order.message)}\n${MAKEMAP_USAGE}`);
      return 1;
    default:
      return unreachable(order);
  }
}

/** Entries as `key<TAB>value`: as they are where a program reads them. */
function dump(file: string, output: MakemapOutput): number {
  const show = (text: string): string =>
    output.isTerminal ? printable(text, MAX_STORED_VALUE_BYTES) : text;
  try {
    for (const { key, value } of readTable(file)) output.print(`${show(key)}\t${show(value)}`);
    return 0;
  } catch (error) {
    return fail([error instanceof Error ? error.message : String(error)], output);
  }
}

function fail(complaints: readonly string[], output: MakemapOutput): number {
  for (const complaint of complaints) output.complain(`makemap: ${printable(complaint)}`);
  return 1;
}
