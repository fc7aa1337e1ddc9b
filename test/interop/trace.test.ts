/** smtpctl(8) `trace` as a command: of a running daemon, and from the files of one that is down. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { type Finished, run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** A daemon whose mail waits, as nobody listens where it goes; one letter is in it. */
async function withLetter(scratch: Scratch, lines: readonly string[]): Promise<Daemon> {
  const dead = await freePort();
  const daemon = await Daemon.start(scratch, [
    ...lines,
    `action "out" relay host smtp://127.0.0.1:${dead}`,
    'match from any for any action "out"',
  ]);
  using session = await SmtpSession.open({ path: daemon.endpoints.socketPath });
  await session.say("EHLO client.example");
  assert.match(await session.say("MAIL FROM:<anna@a.example>"), /^250 /u);
  assert.match(await session.say("RCPT TO:<ben@b.example>"), /^250 /u);
  assert.match(await session.say("DATA"), /^354 /u);
  const text = "Message-ID:\r\n <1@a.example>\r\nSubject: it waits\r\n\r\nhello\r\n.";
  assert.match(await session.say(text), /^250 /u, daemon.log);
  return daemon;
}

function tracer(scratch: Scratch): (...words: readonly string[]) => Promise<Finished> {
  return (...words) => run([SMTPCTL, "--state", `${scratch.folder}/state`, "trace", ...words]);
}

test("smtpctl trace finds a message by each of its names, and also when the daemon is down", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const trace = tracer(scratch);
  const daemon = await withLetter(scratch, []);
  let told = "";
  await until(async () => {
    told = (await trace("ben@b.example")).output;
    return told.includes("attempt 1: deferred");
  }, "first attempt in the trace");
  assert.match(
    told,
    /^\S+ \w{8} accepted from <anna@a\.example> .*Message-ID <1@a\.example>\n\S+ \w{16} to <ben@b\.example>: action "out" by rule \S+smtpd\.conf:\d+\n\S+ \w{16} attempt 1: deferred .*\nnow \w{16} retry in \d+ s\n$/u,
  );
  const past = told.replace(/^now .*\n/mu, "");
  const msgid = / (\w{8}) accepted/u.exec(told)?.[1] ?? "";
  for (const name of [msgid, "<1@a.example>", "anna@a.example"])
    assert.ok((await trace(name)).output.startsWith(past), name);
  assert.deepEqual(await trace("nobody@b.example"), {
    code: 1,
    output: "command failed: nothing is known of it\n",
  });
  await daemon[Symbol.asyncDispose]();
  const offline = await trace("<1@a.example>");
  assert.equal(offline.code, 0);
  assert.match(offline.output.replace(past, ""), /^now \w{16} no daemon runs\n$/u);
});

test("the trace of an encrypted queue tells nothing without its key, that of a masked one no recipient", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const trace = tracer(scratch);
  const key = 'queue encryption "0123456789abcdef0123456789abcdef"';
  const daemon = await withLetter(scratch, [key, "trace mask"]);
  await daemon[Symbol.asyncDispose]();
  const folder = `${scratch.folder}/state/spool/trace`;
  assert.ok(existsSync(folder) && readdirSync(folder).length > 0, "there is a trace");
  for (const name of readdirSync(folder))
    assert.doesNotMatch(readFileSync(`${folder}/${name}`, "latin1"), /example/u);
  assert.equal((await trace("anna@a.example")).code, 1);
  const conf = `${scratch.folder}/smtpd.conf`;
  const { output } = await trace("anna@a.example", "-f", conf);
  assert.match(output, / to <\*@b\.example>: /u);
});
