/**
 * The real daemon with an encrypted queue: nothing of a message is on its disk, a key is replaced by
 * another, and a missing one keeps it from starting and loses nothing.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();

const OLD = "0123456789abcdef0123456789abcdef";
const NEW = "fedcba9876543210fedcba9876543210";
const SECRETS = ["hush.example", "whisper", "a-secret-subject", OLD, NEW];

async function send(daemon: KillableDaemon, words: string): Promise<void> {
  using session = await SmtpSession.inData(daemon.servers[0], "whisper@hush.example");
  const reply = await session.say(`Subject: a-secret-subject\r\n\r\n${words}\r\n.`);
  assert.match(reply, /^250 /u);
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`);
}

test("an encrypted queue shows nothing, takes a new key, and says which key is missing", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const keyFile = `${scratch.folder}/queue.key`;
  const writeKeys = (...keys: readonly string[]): void =>
    writeFileSync(keyFile, `${keys.join("\n")}\n`, { mode: 0o600 });
  writeKeys(OLD);
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      "queue compression",
      `queue encryption file "${keyFile}"`,
      // Nobody listens there.
      `action "out" relay host lmtp://127.0.0.1:1`,
      `match from any for any action "out"`,
    ],
  });
  const spool = `${daemon.stateFolder}/spool`;
  const control = async (...words: readonly string[]): Promise<string> =>
    (await daemon.smtpctl(...words)).output;
  await daemon.start();
  await send(daemon, "first words");
  await send(daemon, "x".repeat(400_000).replaceAll(/.{70}/gu, "$&\r\n"));
  const shown = await control("show", "queue");
  const [evpid = ""] = shown.split("|");
  assert.match(shown, /whisper@hush\.example/u);
  assert.match(await control("show", "message", evpid), /a-secret-subject/u);
  const files = filesUnder(spool);
  assert.ok(files.some((path) => path.includes("/blobs/")));
  for (const path of files)
    for (const secret of SECRETS)
      assert.equal(readFileSync(path).includes(secret), false, `${secret} in ${path}`);
  for (const secret of [OLD, NEW]) assert.equal(daemon.log.includes(secret), false, "in the log");
  await daemon.stop();

  writeKeys(NEW);
  const { code, output } = await daemon.startInVain();
  assert.equal(code, 1);
  assert.match(output, /does not give: [0-9a-f]{16} of /u);
  writeKeys(NEW, OLD);
  await daemon.start();
  await send(daemon, "second words");
  assert.equal((await control("show", "queue")).trimEnd().split("\n").length, 3);
  assert.match(await control("show", "message", evpid), /a-secret-subject/u);
  await daemon.stop();
  assert.match(
    await control("spool", "verify", "-f", `${scratch.folder}/smtpd.conf`),
    /3 messages, 3 envelopes, 0 damaged places/u,
  );
});
