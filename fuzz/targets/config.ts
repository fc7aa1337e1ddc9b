/** smtpd.conf: a meaning or complaints, for any text; what was read can be printed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KEYWORDS } from "#model/config/keywords.ts";
import type { FuzzTarget } from "#fuzz/target.ts";
import { readAnyConfig } from "#test/support/any-config-text.ts";

const EXAMPLES = join(import.meta.dirname, "../../test/conf");

export const config: FuzzTarget = {
  name: "config",
  words: [
    ...[...KEYWORDS].map((word) => `${word} `),
    "{",
    "}",
    "<",
    ">",
    "!",
    "=>",
    ",",
    "$m",
    '"',
    "'",
    "#",
    "\\\n",
    "\n",
  ],
  seeds: () =>
    readdirSync(EXAMPLES)
      .filter((name) => name.endsWith(".conf"))
      .map((name) => readFileSync(join(EXAMPLES, name), "latin1")),
  run: (input) => readAnyConfig(input.toString("utf8"), input),
};
