import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { configOf } from "#test/support/config-of.ts";
import { aliasFaults } from "./alias-lists.ts";

const NAMES = ["a", "b", "c", "d", "e"] as const;
/** By name: to whom it leads; the account is one that no alias has. */
const ALIASES = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.uniqueArray(fc.constantFrom(...NAMES, "account"), { minLength: 1, maxLength: 3 }),
  { minKeys: 1 },
);

type Aliases = Readonly<Record<string, readonly string[]>>;

/** Whether a way from `from` leads to `to`, over others. */
function leadsTo(aliases: Aliases, from: string, to: string): boolean {
  const seen = new Set<string>([from]);
  for (const name of seen)
    for (const next of aliases[name] ?? []) {
      if (next === to && name !== to) return true;
      seen.add(next);
    }
  return false;
}

test("each loop of aliases is told of, step by step, and nothing else is one", async () => {
  await fc.assert(
    fc.asyncProperty(ALIASES, async (aliases) => {
      const entries = Object.entries(aliases).map(([key, to]) => `"${key}" = "${to.join(", ")}"`);
      const config = configOf(
        `table aliases { ${entries.join(", ")} }`,
        "action deliver maildir alias <aliases>",
        "match for local action deliver",
      );
      const findings = await aliasFaults(config, () => "");
      const loops = findings.flatMap(({ message }) => {
        const [, way] = /^aliases lead round in a loop: (.*)$/u.exec(message) ?? [];
        return way === undefined ? [] : [way.split(" -> ")];
      });
      for (const loop of loops) {
        assert.equal(loop[0], loop.at(-1));
        for (const [at, name] of loop.slice(1).entries())
          assert.ok(new Set<string>(aliases[loop[at] ?? ""]).has(name), loop.join());
      }
      const members = NAMES.filter((name) => leadsTo(aliases, name, name));
      assert.equal(loops.length > 0, members.length > 0, JSON.stringify(aliases));
    }),
    { numRuns: 300 },
  );
});
