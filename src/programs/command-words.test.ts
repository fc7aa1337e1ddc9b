import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matchCommand } from "./command-words.ts";
import { COMMANDS, PARAMETERS } from "./smtpctl-commands.ts";

const CASES: readonly (readonly [args: string, meaning: string])[] = [
  ["show queue", "show queue"],
  ["sho q", "show queue"],
  ["show queue 5f2a1b3c", "show queue MSGID: 5f2a1b3c"],
  ["show queue 00000000", "possible: MSGID"],
  ["show queue 5f2a1b3", "possible: MSGID"],
  ["show message 5f2a1b3c00000001", "show message EVPID: 5f2a1b3c00000001"],
  ["show message 5f2a1b3c", "show message MSGID: 5f2a1b3c"],
  ["show envelope 5F2A1B3C00000001", "show envelope EVPID: 5F2A1B3C00000001"],
  ["show envelope 5f2a1b3c00000000", "possible: EVPID"],
  ["show stat", "possible: status stats"],
  ["show status", "show status"],
  ["show hosts", "show hosts"],
  ["show host", "possible: hosts hoststats"],
  ["remove a", "remove all"],
  ["remove", "remove"],
  ["remove x", "possible: EVPID MSGID all"],
  ["p mta", "possible: pause profile"],
  ["pause mta", "pause mta"],
  ["pause env 5f2a1b3c", "pause envelope MSGID: 5f2a1b3c"],
  [
    "pause mta from 192.0.2.1 for example.org",
    "pause mta from ADDR for DOMAIN: 192.0.2.1 example.org",
  ],
  ["log v", "log verbose"],
  ["stop now", "nothing possible"],
  ["frobnicate", `possible: ${firstWords().join(" ")}`],
];

describe("the words of a command:", () => {
  for (const [args, meaning] of CASES) {
    test(`"${args}" is ${meaning}`, () => {
      const matched = matchCommand(args.split(" "), COMMANDS, PARAMETERS);
      assert.equal(describeMatch(matched), meaning);
    });
  }

  test("no words at all lead to the first ones", () => {
    const matched = matchCommand([], COMMANDS, PARAMETERS);
    assert.deepEqual(matched, { kind: "unclear", possible: firstWords() });
  });

  test("an empty word is short for nothing", () => {
    const matched = matchCommand(["show", ""], COMMANDS, PARAMETERS);
    assert.equal(matched.kind, "unclear");
  });
});

function describeMatch(
  matched: ReturnType<typeof matchCommand<(typeof COMMANDS)[number]>>,
): string {
  if (matched.kind === "unclear") {
    const words = matched.possible.join(" ");
    return words === "" ? "nothing possible" : `possible: ${words}`;
  }
  const words = matched.command.words.join(" ");
  return matched.given.length === 0 ? words : `${words}: ${matched.given.join(" ")}`;
}

function firstWords(): readonly string[] {
  return [...new Set(COMMANDS.map(({ words }) => words[0] ?? ""))];
}
