import assert from "node:assert/strict";
import { test } from "node:test";
import { findOwnOptions, type OwnOptions } from "./smtpctl-own-options.ts";
import { parseExplainArguments } from "./smtpctl-explain-arguments.ts";

const CASES: readonly (readonly [line: string, own: OwnOptions | undefined])[] = [
  ["explain --from a --rcpt b", { command: "explain", args: ["--from", "a", "--rcpt", "b"] }],
  ["expl --rcpt b", { command: "explain", args: ["--rcpt", "b"] }],
  ["--json explain", { command: "explain", args: ["--json"] }],
  ["--state /x explain -f y", { command: "explain", args: ["--state", "/x", "-f", "y"] }],
  ["--state=/x config diff y", { command: "config diff", args: ["--state=/x", "y"] }],
  ["config diff", { command: "config diff", args: [] }],
  ["config", undefined],
  ["e", undefined],
  ["encrypt x", { command: "encrypt", args: ["x"] }],
  ["en --scram", { command: "encrypt", args: ["--scram"] }],
  ["show queue", undefined],
  ["--state explain", undefined],
  ["", undefined],
];

for (const [line, own] of CASES) {
  test(`smtpctl ${line} is ${own?.command ?? "no command with options of its own"}`, () => {
    assert.deepEqual(findOwnOptions(line.split(" ")), own);
  });
}

const WRONG: readonly (readonly [line: string, why: RegExp])[] = [
  ["--rcpt b", /^--from is missing/u],
  ["--from a", /^--rcpt is missing$/u],
  ["--from a --rcpt b --frob", /^Unknown option '--frob'/u],
  ["--from a --rcpt b extra", /^Unexpected argument 'extra'/u],
  ["--from a --rcpt b -D x=y", /-f is missing$/u],
  ["--from a --rcpt b --compat opensmtpd", /-f is missing$/u],
  ["--from a --rcpt b -f c -D xy", /^-D wants NAME=VALUE: got xy$/u],
  ["--from a --rcpt b -f c --compat postfix", /^--compat wants opensmtpd or none: got postfix$/u],
];

for (const [line, why] of WRONG) {
  test(`smtpctl explain ${line} is told what is wrong`, () => {
    const parsed = parseExplainArguments(line.split(" "));
    assert.match(parsed.kind === "wrong" ? parsed.why : "nothing", why);
  });
}

test("smtpctl explain takes addresses with and without their angles", () => {
  const parsed = parseExplainArguments(["--from", "<>", "--rcpt", "<b@c>", "--rcpt", "d@e"]);
  assert.ok(parsed.kind === "arguments");
  assert.equal(parsed.question.reversePath, "");
  assert.deepEqual(parsed.question.forwardPaths, ["b@c", "d@e"]);
});
