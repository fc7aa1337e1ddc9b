/**
 * `smtpctl config diff` of before.conf and after.conf, as a person sees it
 * (differences.txt) and as programs do (differences.jsonl). `UPDATE_GOLDENS=1` rewrites the
 * goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatComplaint } from "#model/config/complaint.ts";
import { diffOutlines } from "#model/config/config-diff.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { type Outline, outlineOf } from "#model/config/outline.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { type ConfigDiffTools, runConfigDiff } from "#programs/smtpctl-config-diff.ts";

const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([["eth0", ["127.0.0.1", "192.0.2.25"]]]),
  enqueueSocketPath: "/run/postrider/enqueue.sock",
  macros: new Map(),
};

const NONE = { kind: "files-fault", code: "ENOENT", message: "no such file" } as const;

const TOOLS: ConfigDiffTools = {
  async read({ file, macros, compat }, complain) {
    const path = join(import.meta.dirname, file);
    const source = { file, read: (name: string) => (name === file ? readText(path) : NONE) };
    const { config, complaints } = parseConfig(source, { ...CONTEXT, macros, compat });
    for (const complaint of complaints.filter(({ severity }) => severity === "error"))
      complain(formatComplaint(complaint));
    return config;
  },
  async running() {
    const config = await TOOLS.read(choiceOf("before.conf"), assert.fail);
    return config === undefined ? "no configuration" : outlineOf(config, "left-out");
  },
};

function readText(path: string): string | typeof NONE {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return NONE;
  }
}

function choiceOf(file: string): Parameters<ConfigDiffTools["read"]>[0] {
  return { file, macros: new Map(), compat: "none", stateFolder: undefined };
}

async function run(line: string): Promise<string> {
  let printed = "";
  const print = (text: string | Uint8Array): void => {
    printed += text.toString();
  };
  const status = await runConfigDiff(line.split(" "), TOOLS, {
    print,
    complain: print,
    drained: () => undefined,
    isTerminal: true,
  });
  return `${printed}exit ${status}\n`;
}

function checkGolden(name: string, actual: string): void {
  const path = join(import.meta.dirname, name);
  if (UPDATE) writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, "utf8"));
}

test("differences of two files are shown with both places", async () => {
  checkGolden("differences.txt", await run("-f before.conf after.conf"));
});

test("differences as JSON are one text a line", async () => {
  checkGolden("differences.jsonl", await run("-f before.conf --json after.conf"));
});

test("against the running daemon what is secret is not compared", async () => {
  const told = await run("after.conf");
  assert.match(told, /^! before\.conf:2: table aliases/mu);
  assert.doesNotMatch(told, /table creds/u);
});

test("no password is shown", async () => {
  const told = (await run("-f before.conf after.conf")) + (await run("--json after.conf"));
  assert.doesNotMatch(told, /secret/u);
});

test("a file is the same as itself, wherever its lines stand", async () => {
  assert.equal(await run("-f before.conf before.conf"), "exit 0\n");
  assert.equal(await run("before.conf"), "exit 0\n");
});

test("what cannot be read is a fault", async () => {
  const told = "nowhere.conf: cannot read: no such file\nsmtpctl: nowhere.conf cannot be used\n";
  assert.equal(await run("nowhere.conf"), `${told}exit 2\n`);
  assert.match(await run("-f before.conf"), /^smtpctl: one file is wanted\nusage: .*\nexit 2\n$/su);
});

/** Rules called by letters. */
function rulesOf(letters: readonly string[]): Outline {
  return letters.map((letter, index) => ({
    section: "rule",
    name: "",
    text: letter,
    at: { file: "smtpd.conf", line: index + 1, column: 1 },
    digest: letter,
  }));
}

function movesOf(from: string, to: string): string {
  return diffOutlines(rulesOf(from.split(" ")), rulesOf(to.split(" ")))
    .map((change) => {
      const item = change.kind === "removed" ? change.from : change.to;
      return `${change.kind} ${item.text}`;
    })
    .join(", ");
}

test("rules that moved are as few as can be", () => {
  assert.equal(movesOf("a b c d", "a b c d"), "");
  assert.equal(movesOf("a b c d", "b c d a"), "moved a");
  assert.equal(movesOf("a b c d", "d a b c"), "moved d");
  assert.equal(movesOf("a a b", "a b a"), "moved b");
  assert.equal(movesOf("a b c", "a x c"), "removed b, added x");
});

test("changes say how the rules of one file become those of another", () => {
  const letters = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 12 });
  fc.assert(
    fc.property(letters, letters, (from, to) => {
      const changes = diffOutlines(rulesOf(from), rulesOf(to));
      const gone = changes.filter(({ kind }) => kind === "removed" || kind === "moved");
      const fresh = changes.filter(({ kind }) => kind === "added" || kind === "moved");
      const linesGone = new Set(gone.map((change) => "from" in change && change.from.at?.line));
      const linesFresh = new Set(fresh.map((change) => "to" in change && change.to.at?.line));
      assert.deepEqual(
        from.filter((_, index) => !linesGone.has(index + 1)),
        to.filter((_, index) => !linesFresh.has(index + 1)),
      );
    }),
  );
});
