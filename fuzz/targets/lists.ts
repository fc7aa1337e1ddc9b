/** Files that users write: lists of aliases and ~/.forward, and tables. A meaning or a fault, and printable. */
import assert from "node:assert/strict";
import { parseTableFile } from "#model/config/table-file.ts";
import { nodeText, parseExpansionFile, parseExpansionList } from "#model/expansion-list.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

export const lists: FuzzTarget = {
  name: "lists",
  words: [
    '"|',
    '"',
    "\\",
    ":include:",
    "error:",
    "@",
    ",",
    "#",
    ":",
    " ",
    "/",
    "\n",
    "\t",
    "é",
    "\\\n",
  ],
  seeds: () => [
    'a, b@x.example, "|cat", /var/mail/x, :include:/l\n',
    "# c\nk v\nk: w\n",
    "error:550 no\n",
  ],
  run: (input) => {
    const text = input.toString("utf8");
    for (const parse of [parseExpansionFile, parseExpansionList]) {
      const list = parse(text);
      if ("nodes" in list)
        for (const node of list.nodes) assert.equal(typeof nodeText(node), "string");
    }
    for (const as of [undefined, "list", "mapping"] as const) parseTableFile(text, as);
  },
};
