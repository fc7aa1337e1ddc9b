/** The scripts of `smtpctl completion`, as the shells themselves carry them out. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { COMMANDS, PARAMETERS } from "./smtpctl-commands.ts";
import { completionModel } from "./completion-model.ts";
import { runCompletion, type Shell } from "./smtpctl-completion.ts";

function script(shell: Shell): string {
  let text = "";
  const output = {
    print: (piece: string | Uint8Array) => void (text += String(piece)),
    complain: (why: string) => assert.fail(why),
    drained: () => undefined,
    isTerminal: false,
  };
  assert.equal(runCompletion(shell, [], output), 0);
  return text;
}

function unlessThere(shell: Shell): string | false {
  const { error } = spawnSync(shell, ["-c", "true"]);
  return error === undefined ? false : `${shell} is not there`;
}

/** What is typed, the cursor behind it, and what is offered. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["co", ["completion", "config"]],
  ["show q", ["queue"]],
  [
    "sho ",
    [
      "envelope",
      "hosts",
      "hoststats",
      "message",
      "mta",
      "queue",
      "relays",
      "routes",
      "stats",
      "status",
    ],
  ],
  ["pause mta ", ["from"]],
  ["pause mta from 192.0.2.1 ", ["for"]],
  ["--json spool ", ["compact", "export", "verify"]],
  ["--state /x lo", ["log"]],
  ["show queue --co", ["--count"]],
  ["show queue --by ro", ["route"]],
  ["show queue --from x --co", ["--count"]],
  ["show queue 12345678 --co", ["--count"]],
  ["remove --by", []],
  ["remove all --y", ["--yes"]],
  ["explain --rc", ["--rcpt"]],
  ["doctor --no", ["--no-dns"]],
  ["schedule --state in", ["inflight"]],
  ["schedule --reason ", []],
  ["spool export --mbox one", ["one.mbox"]],
  ["config diff one", ["one.mbox"]],
  ["import opensmtpd one", ["one.mbox"]],
  ["frobnicate ", []],
  [
    "s",
    ["schedule", "send", "show", "spf", "spool", "stop"].filter((word) =>
      COMMANDS.some(({ words, kind }) => kind !== "missing" && words[0] === word),
    ),
  ],
];

describe("bash, with the script of smtpctl completion,", { skip: unlessThere("bash") }, () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "completion-"));
    writeFileSync(join(folder, "one.mbox"), "");
    writeFileSync(join(folder, "smtpctl.bash"), script("bash"));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [line, offered] of CASES) {
    test(`offers ${offered.join(", ") || "nothing"} for "${line}"`, () => {
      const words = ["smtpctl", ...line.split(" ")];
      const asked = `. ./smtpctl.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _smtpctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const printed = execFileSync("bash", ["-c", asked, "bash", ...words], {
        cwd: folder,
        encoding: "utf8",
      });
      assert.deepEqual(
        printed.split("\n").filter((each) => each !== ""),
        offered,
      );
    });
  }
});

test("zsh can read its script", { skip: unlessThere("zsh") }, () => {
  const { status, stderr } = spawnSync("zsh", ["-n"], { input: script("zsh"), encoding: "utf8" });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
});

test("each command has its place, and each option with a value is known to have one", () => {
  const { places, values } = completionModel();
  for (const { kind, words } of COMMANDS) {
    if (kind === "missing") continue;
    const path = words.map((word) => ` ${PARAMETERS.has(word) ? "*" : word}`).join("");
    assert.ok(
      places.some((place) => place.path === path),
      path,
    );
  }
  for (const option of [
    "--from",
    "--domain",
    "--message",
    "--mbox",
    "-f",
    "-D",
    "--compat",
    "--connect",
  ])
    assert.ok(values.has(option), option);
  for (const option of ["--json", "--tls", "--no-dns", "--count", "--yes", "-y", "--scram"])
    assert.ok(!values.has(option), option);
});

test("words beside the shell are refused", () => {
  const said: string[] = [];
  const output = {
    print: () => assert.fail("it prints"),
    complain: (why: string) => void said.push(why),
    drained: () => undefined,
    isTerminal: false,
  };
  assert.equal(runCompletion("bash", ["now\u001b"], output), 2);
  assert.deepEqual(said, [
    "smtpctl: Unexpected argument 'now\\033'\nusage: smtpctl completion {bash | zsh}\n",
  ]);
});
