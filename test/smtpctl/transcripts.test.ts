/**
 * Each command of smtpctl(8) that asks the daemon, as a person sees it: what is asked, what is printed, how it ends; and
 * what it says where words are missing or short. `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ControlAnswer } from "#model/ipc/control-link.ts";
import { COMMANDS } from "#programs/smtpctl-commands.ts";
import { type Ran, ScriptedDaemon } from "#test/support/scripted-daemon.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

/** What is given for a parameter. */
const GIVEN: Readonly<Record<string, string>> = {
  MSGID: "5f2a1b3c",
  EVPID: "5f2a1b3c00000001",
  ROUTEID: "7",
  ADDR: "192.0.2.1",
  DOMAIN: "example.org",
  TABLE: "aliases",
  STRING: "text",
  "MESSAGE-ID": "<1@example.org>",
  ADDRESS: "ann@example.org",
};

function check(name: string, lines: readonly string[]): void {
  const golden = join(FOLDER, name);
  const text = `${lines.join("\n")}\n`;
  if (UPDATE) writeFileSync(golden, text);
  assert.equal(text, readFileSync(golden, "utf8"));
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").slice(0, -1);
}

function shown(words: readonly string[], { prints, complains, status }: Ran): readonly string[] {
  return [
    `$ smtpctl ${words.join(" ")}`.trimEnd(),
    ...linesOf(prints),
    ...linesOf(complains).map((line) => `2> ${line}`),
    `exit ${status}`,
    "",
  ];
}

test("each command asks one thing, says that it was done, and says why it was not", async () => {
  const lines: string[] = [];
  for (const command of COMMANDS) {
    // Its output comes each second, until somebody interrupts.
    if (command.kind !== "asking" || command.words[0] === "monitor") continue;
    const words = command.words.map((word) => GIVEN[word] ?? word);
    const args = command.takes === "selection" ? [...words, "--from", "ann@example.org"] : words;
    const daemon = willing();
    const ran = await daemon.run(args);
    lines.push(`# ${JSON.stringify(daemon.asked[0])}`, ...shown(args, ran));
    daemon.answer = () => [done(false, "queue is restarting")];
    const refused = await daemon.run(args);
    assert.deepEqual([refused.status, refused.prints], [1, ""], args.join(" "));
    assert.match(refused.complains, /queue is restarting/u, args.join(" "));
  }
  check("commands.txt", lines);
});

/** A daemon that has nothing to show, and does all that it is told. */
function willing(): ScriptedDaemon {
  const daemon = new ScriptedDaemon();
  daemon.answer = () => [done(true, "")];
  return daemon;
}

function done(ok: boolean, text: string): ControlAnswer {
  return { kind: "done", ok, text, count: ok ? 2 : 0 };
}

test("words that are missing are told, as OpenSMTPD tells them; those that mean nothing say so", async () => {
  const lines: string[] = [];
  const beginnings = new Set<string>([""]);
  for (const { words } of COMMANDS)
    for (let end = 1; end < words.length; end++)
      beginnings.add(
        words
          .slice(0, end)
          .map((word) => GIVEN[word] ?? word)
          .join(" "),
      );
  for (const beginning of beginnings) {
    const args = beginning.split(" ").filter((word) => word !== "");
    const ran = await willing().run(args);
    if (ran.status === 255) lines.push(...shown(args, ran));
  }
  for (const { kind, words } of COMMANDS) {
    if (kind !== "missing") continue;
    const args = words.map((word) => GIVEN[word] ?? word);
    lines.push(...shown(args, await willing().run(args)));
  }
  check("words.txt", lines);
});
