/** What is printed reads back as the same configuration, whatever is in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { configTextArbitrary } from "#test/support/config-text.ts";
import { parsedText } from "#test/support/config-of.ts";
import { meaningOf } from "#test/support/config-meaning.ts";
import { formatComplaint } from "./complaint.ts";
import type { Config } from "./config.ts";
import { printConfig, printConfigWithPlaces } from "./print-config.ts";

const MACHINE = { interfaces: new Map([["lo", ["127.0.0.1", "::1"]]]), egress: ["lo"] };

function read(text: string, file = "smtpd.conf"): Config | string {
  const { config, complaints } = parsedText(text, { file, machine: MACHINE });
  return config ?? complaints.map(formatComplaint).join("\n");
}

for (const print of [printConfig, printConfigWithPlaces]) {
  test(`what ${print.name} prints means the same as what was read`, () => {
    let readCount = 0;
    fc.assert(
      fc.property(configTextArbitrary, (original) => {
        const config = read(original);
        // Options that exclude each other may have met; such a file has no meaning to print.
        fc.pre(typeof config !== "string");
        readCount++;
        const printed = print(config);
        const again = read(printed);
        if (typeof again === "string") assert.fail(`${printed}\n${again}`);
        assert.deepEqual(meaningOf(again), meaningOf(config), printed);
      }),
      { numRuns: 300 },
    );
    assert.ok(readCount >= 300, `only ${readCount} had a meaning`);
  });
}

test("printing what was printed changes nothing", () => {
  fc.assert(
    fc.property(configTextArbitrary, (original) => {
      const config = read(original);
      fc.pre(typeof config !== "string");
      const printed = printConfig(config);
      const again = read(printed);
      assert.equal(typeof again === "string" ? again : printConfig(again), printed);
    }),
  );
});

test("a place whose file has an odd name cannot end the comment that it stands in", () => {
  const text = "compat none\nlisten on lo\naction a relay\nmatch for any action a";
  const config = read(text, "odd\nlisten on evil \\");
  if (typeof config === "string") assert.fail(config);
  const again = read(printConfigWithPlaces(config));
  if (typeof again === "string") assert.fail(again);
  assert.deepEqual(meaningOf(again), meaningOf(config));
});
