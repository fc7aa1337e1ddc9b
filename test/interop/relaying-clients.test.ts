/**
 * Mail servers that we did not write hand mail on to the real daemon. What a sender asked
 * of them (RFC 3461: NOTIFY, ORCPT, RET, ENVID; RFC 6531) is in our queue then, as
 * `smtpctl show envelope` tells.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { startExim, unlessExim } from "./peer-exim.ts";
import { certifiedIn, doorsOf, pathsTo } from "./peer-party.ts";
import { startPostfix, unlessPostfixParty } from "./peer-postfix.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const HOST = "relay.example.org";

const unstartable = await unlessStartable();

const BODY = ["one", ".two", "x".repeat(900), "ü", ""].join("\r\n");
const HEADERS = ["From: <é@client.example>", "To: <用户@in.example>", "Subject: grüße", "", ""];
const MESSAGE = `${HEADERS.join("\r\n")}${BODY}`;
const ASKED = {
  mail: "MAIL FROM:<é@client.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=job+2B7",
  rcpt: "RCPT TO:<用户@in.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;用户@in.example",
};

/** A daemon that keeps what comes: the next server is not there. */
async function keeping(scratch: Scratch): Promise<{ daemon: KillableDaemon; port: number }> {
  const port = await freePort();
  const nowhere = await freePort();
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      `listen on 127.0.0.1 port ${port} hostname ${HOST}`,
      `action "on" relay host smtp://127.0.0.1:${nowhere}`,
      'match from any for any action "on"',
    ],
  });
  await daemon.start();
  return { daemon, port };
}

/** Resolves with the one envelope that the daemon has then, field by field, and its message. */
async function queued(
  daemon: KillableDaemon,
): Promise<{ readonly fields: ReadonlyMap<string, string>; readonly message: string }> {
  const list = async (): Promise<string> => (await daemon.smtpctl("show", "queue")).output;
  await until(async () => /^[0-9a-f]{16}\|/u.test(await list()), `envelope\n${daemon.logEnd}`);
  const evpid = (await list()).slice(0, 16);
  const { output } = await daemon.smtpctl("show", "envelope", evpid);
  const pairs = output.split("\n").map((line) => line.split(/: (.*)/su).slice(0, 2));
  const { output: message } = await daemon.smtpctl("show", "message", evpid);
  return { fields: new Map(pairs as [string, string][]), message };
}

/** `recipient` is the original one, as smtpctl writes it. */
function assertAsked(fields: ReadonlyMap<string, string>, recipient: string): void {
  const kept = ["needs", "dsn-ret", "dsn-envid", "dsn-notify", "dsn-orcpt"].map((name) => [
    name,
    fields.get(name),
  ]);
  assert.deepEqual(kept, [
    ["needs", "SMTPUTF8"],
    ["dsn-ret", "headers"],
    ["dsn-envid", "job+2B7"],
    ["dsn-notify", "failure,delay"],
    ["dsn-orcpt", `utf-8;${recipient}@in.example`],
  ]);
}

function assertWhole(message: string): void {
  assert.match(message, /\r\nSubject: grüße\r\n/u);
  assert.equal(message.slice(message.indexOf("\r\n\r\n")), `\r\n\r\n${BODY}`);
}

for (const { name, start, skip, original } of [
  {
    name: "Postfix",
    start: startPostfix,
    skip: unlessPostfixParty(),
    // RFC 6533 §3 has two ways to write it; Postfix takes the one that is ASCII.
    original: String.raw`\\x{7528}\\x{6237}`,
  },
  {
    name: "Exim",
    start: startExim,
    skip: await unlessExim(),
    original: String.raw`\347\224\250\346\210\267`,
  },
]) {
  test(`what a sender asked of ${name} is asked of us`, { skip: unstartable || skip }, async () => {
    await using scratch = new Scratch();
    const doors = await doorsOf(await pathsTo(scratch, "unused"));
    const { daemon, port } = await keeping(scratch);
    const { entrance } = await start({
      scratch,
      certified: certifiedIn(scratch),
      doors,
      routes: [{ way: "clear", domain: "in.example", port }],
    });
    using session = await SmtpSession.open({ host: "127.0.0.1", port: entrance });
    for (const [line, code] of [
      ["EHLO client.example", "250"],
      [ASKED.mail, "250"],
      [ASKED.rcpt, "250"],
      ["DATA", "354"],
      [`${MESSAGE.replaceAll(/^\./gmu, "..")}.`, "250"],
    ] as const)
      assert.equal((await session.say(line)).slice(0, 3), code, line);
    const { fields, message } = await queued(daemon);
    assertAsked(fields, original);
    assertWhole(message);
    assert.match(message, /^Received: from \S+\.example \(.*\r\n.* with UTF8SMTP id /u);
  });
}
