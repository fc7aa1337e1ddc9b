/**
 * The real daemon hands on what a mail needs: 8BITMIME, SMTPUTF8 and DSN to Postfix, and a
 * text that is no lines, by BDAT, octet for octet.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeNetwork } from "#world/node/network.ts";
import { Sink } from "#test/support/sink.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { PostfixServer, unlessPostfix } from "./postfix-server.ts";
import { arrivals, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();

/** As a file looks whose octets are taken for characters. */
function asRead(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

async function ended(daemon: Daemon): Promise<string> {
  const line = (): string => /mta delivery .*/u.exec(daemon.log)?.[0] ?? "";
  await until(() => line() !== "", "line of the delivery in the log");
  return line();
}

test("Postfix takes addresses and headers beyond ASCII, and is told of the notices that are wanted", {
  skip: skip || unlessPostfix(),
}, async () => {
  await using scratch = new Scratch();
  const server = await PostfixServer.start(scratch, ["smtputf8_enable = yes"]);
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host "smtp://localhost:${server.port}"`,
    'match from any for any action "out"',
  ]);
  using session = await SmtpSession.open({ port: daemon.endpoints.port });
  await session.say("EHLO client.example");
  for (const line of [
    "MAIL FROM:<jörg@client.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=letter",
    "RCPT TO:<anna@in.example> NOTIFY=FAILURE ORCPT=rfc822;anna@in.example",
  ])
    assert.match(await session.say(line), /^250 /u);
  await session.say("DATA");
  assert.match(await session.say("Subject: Grüße\r\n\r\nGrüße\r\n."), /^250 /u);
  assert.match(await ended(daemon), /result="Ok"/u, daemon.log);
  const [text] = await arrivals(`${server.mail}/anna/new`, 1, asRead("Grüße"));
  assert.match(text ?? "", new RegExp(asRead("Return-Path: <jörg@client\\.example>"), "u"));
});

test("Postfix takes a large text in chunks, with dots where lines begin", {
  skip: skip || unlessPostfix(),
}, async () => {
  await using scratch = new Scratch();
  const server = await PostfixServer.start(scratch, []);
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host "smtp://localhost:${server.port}"`,
    'match from any for any action "out"',
  ]);
  using session = await SmtpSession.open({ port: daemon.endpoints.port });
  await session.say("EHLO client.example");
  for (const line of ["MAIL FROM:<ann@client.example>", "RCPT TO:<anna@in.example>"])
    assert.match(await session.say(line), /^250 /u);
  await session.say("DATA");
  const line = `.${"x".repeat(60)}`;
  const stuffed = `.${line}\r\n`.repeat(20_000);
  assert.match(await session.say(`Subject: large\r\n\r\n${stuffed}.`), /^250 /u);
  assert.match(await ended(daemon), /result="Ok"/u, daemon.log);
  const [text] = await arrivals(`${server.mail}/anna/new`, 1, "Subject: large");
  assert.equal(text?.split("\n").filter((each) => each === line).length, 20_000);
});

test("a text that is no lines goes on by BDAT, octet for octet", { skip }, async () => {
  await using scratch = new Scratch();
  const port = await freePort();
  const sink = new Sink({ extensions: ["PIPELINING", "CHUNKING", "BINARYMIME"] });
  const listening = await sink.listen(nodeNetwork(), { kind: "tcp", host: "127.0.0.1", port });
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host "smtp://127.0.0.1:${port}"`,
    'match from any for any action "out"',
  ]);
  const body = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join("");
  const octets = `.\r\n${body}\n.\r`;
  const text = `Subject: octets\r\n\r\n${octets}`;
  using session = await SmtpSession.open({ port: daemon.endpoints.port });
  await session.say("EHLO client.example");
  await session.say("MAIL FROM:<a@client.example> BODY=BINARYMIME");
  await session.say("RCPT TO:<anna@in.example>");
  session.send(`BDAT ${text.length} LAST\r\n`);
  session.sendOctets(Buffer.from(text, "latin1"));
  assert.match(await session.reply(), /^250 /u);
  assert.match(await ended(daemon), /result="Ok"/u, daemon.log);
  listening.close();
  sink.dropAll();
  // The header gets what a header must have.
  const [, ...rest] = sink.messages[0]?.text.split("\r\n\r\n") ?? [];
  assert.equal(rest.join("\r\n\r\n"), octets);
  assert.ok(
    sink.lines.some((line) => /^MAIL FROM:<a@client\.example> .*BODY=BINARYMIME/u.test(line)),
  );
});
