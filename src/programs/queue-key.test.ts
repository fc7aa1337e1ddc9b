import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { type KeyTools, queueKeys } from "./queue-key.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const FOLDER = mkdtempSync(join(tmpdir(), "queue-key-"));
after(() => rmSync(FOLDER, { recursive: true }));

/** The keys of a configuration, with what is typed or piped, and what the terminal saw. */
async function asked(encryption: string, pieces: readonly string[], isTerminal: boolean) {
  const seen: string[] = [];
  const tools: KeyTools = {
    input: {
      setRawMode: isTerminal ? (raw) => seen.push(raw ? "hidden" : "shown") : undefined,
      async *[Symbol.asyncIterator]() {
        for (const piece of pieces) yield Buffer.from(piece, "latin1");
      },
    },
    prompt: (text) => seen.push(text),
  };
  const config = configOf(
    encryption,
    "listen on socket",
    'action "out" relay',
    'match from local for any action "out"',
  );
  return { keys: await queueKeys(config, tools), seen };
}

const NONE = { why: "queue encryption: no key of 32 characters was given" };
const HIDDEN = ["queue key: ", "hidden", "shown", "\n"];

test("a key in smtpd.conf is the key", async () => {
  assert.deepEqual(await asked(`queue encryption ${KEY}`, [], false), { keys: [KEY], seen: [] });
});

test("a key on the standard input is its first line, in pieces of any size", async () => {
  for (const pieces of [[`${KEY}\nmore\n`], [...KEY.split(""), "\r", "\n"], [KEY]])
    assert.deepEqual((await asked("queue encryption stdin", pieces, false)).keys, [KEY]);
  assert.deepEqual((await asked("queue encryption -", ["short\n"], false)).keys, NONE);
  assert.deepEqual((await asked("queue encryption -", ["x".repeat(5000)], false)).keys, NONE);
});

test("a key that is typed is not shown, and can be corrected", async () => {
  const typed = [`zz\u007f\u0008${KEY.slice(0, 9)}`, `${KEY.slice(9)}\r`];
  assert.deepEqual(await asked("queue encryption", typed, true), { keys: [KEY], seen: HIDDEN });
  assert.deepEqual(await asked("queue encryption", [KEY, "\u0003"], true), {
    keys: NONE,
    seen: HIDDEN,
  });
});

test("where there is no terminal to ask on, the standard input is read", async () => {
  assert.deepEqual((await asked("queue encryption", [`${KEY}\n`], false)).keys, [KEY]);
});

test("a file of keys that others may read, or with none, is refused without a word of it", async () => {
  const path = join(FOLDER, "keys");
  const line = `queue encryption file "${path}"`;
  writeFileSync(path, `${KEY}\n`, { mode: 0o600 });
  assert.deepEqual((await asked(line, [], false)).keys, [KEY]);
  chmodSync(path, 0o640);
  assert.deepEqual((await asked(line, [], false)).keys, {
    why: `queue encryption: ${path}: others may read the keys: chmod 600`,
  });
  writeFileSync(path, `${KEY}x\n`);
  chmodSync(path, 0o600);
  assert.deepEqual((await asked(line, [], false)).keys, {
    why: `queue encryption: ${path}: line 1: a queue key has 32 characters`,
  });
  rmSync(path);
  const { keys } = await asked(line, [], false);
  assert.ok("why" in keys && keys.why.includes("ENOENT"));
});
