/** Messages at the edges of what a text is: where it ends, its header, its octets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataEncoder } from "#protocols/smtp/data-encoder.ts";
import { Scene } from "./scene.ts";

interface Sent {
  readonly reply: string;
  /** As stored, our trace header included; undefined if it was refused. */
  readonly text: string | undefined;
}

async function sent(text: string): Promise<Sent> {
  const scene = await Scene.start();
  const client = await scene.client();
  const reply = await scene.run(client.sendMessage(text));
  client.leave();
  await scene.world.clock.advance(100);
  return { reply, text: scene.stored[0]?.text };
}

/** What the client sent of a stored text: behind the five lines of our Received field. */
function ownPart(text: string | undefined): string {
  return text?.replace(/^Received: .*\r\n(?:\t.*\r\n)+/, "") ?? "(refused)";
}

test("SMUG-45: the end of a text is found wherever it falls in the pieces that are read", async () => {
  const lengths = [16_384, 65_536].flatMap((edge) =>
    Array.from({ length: 11 }, (_, index) => edge - 5 + index),
  );
  for (const length of lengths) {
    const lines = `${"x".repeat(74)}\r\n`.repeat(Math.floor(length / 76));
    const body = lines + "y".repeat(length - lines.length);
    const { reply, text } = await sent(`Subject: x\r\n\r\n${body}\r\n`);
    assert.match(reply, /^250 /);
    assert.equal(ownPart(text), `Subject: x\r\n\r\n${body}\r\n`, `${length}`);
  }
});

test("SMUG-47: a line with a dot that came by BDAT is one message, and is stuffed where it goes on by DATA", async () => {
  const text = "Subject: x\r\n\r\na\r\n.\r\nMAIL FROM:<evil@smuggle.test>\r\n";
  const scene = await Scene.start();
  const client = await scene.client();
  await scene.run(client.before("helo"));
  const path = "MAIL FROM:<a@example.test>\r\nRCPT TO:<rcpt@example.test>\r\n";
  await scene.run(client.write(`${path}BDAT ${text.length} LAST\r\n${text}`));
  for (const code of ["250", "250", "250"])
    assert.equal((await scene.run(client.reply(1000)))?.slice(0, 3), code);
  client.leave();
  await scene.world.clock.advance(100);
  assert.equal(scene.stored.length, 1);
  const stored = ownPart(scene.stored[0]?.text);
  assert.equal(stored, text);
  const encoder = new DataEncoder();
  const wire = Buffer.concat([encoder.push(Buffer.from(stored)), encoder.end()]).toString();
  assert.equal(wire, text.replace("\r\n.\r\n", "\r\n..\r\n") + ".\r\n");
});

for (const { name, text, isTaken } of [
  { name: "no header", text: "\r\nbody\r\n", isTaken: true },
  { name: "nothing at all", text: "", isTaken: true },
  { name: "a first line that is no field", text: "hello world\r\n\r\nbody\r\n", isTaken: false },
  { name: "a first line that goes on with ours", text: " Bcc: x\r\n\r\nbody\r\n", isTaken: false },
  { name: "a field without a colon", text: "A: b\r\nBcc x\r\n\r\nbody\r\n", isTaken: false },
  { name: "a field without a name", text: ": b\r\n\r\nbody\r\n", isTaken: false },
]) {
  test(`HDR-01: ${name} is ${isTaken ? "taken as it is" : "refused"}, and never part of our field`, async () => {
    const { reply, text: stored } = await sent(text);
    assert.match(reply, isTaken ? /^250 / : /^550 5\.7\.1 /);
    assert.equal(ownPart(stored), isTaken ? text : "(refused)");
    assert.ok(stored?.startsWith("Received: from client.test ") !== false);
  });
}

test("HDR-02: odd names of fields pass unchanged or are refused; NUL and bare CR always are", async () => {
  for (const name of ["X\xE4", "X\x01", "X-\x7F", "x".repeat(1000), "__proto__"]) {
    const text = `${name}: v\r\n\r\nbody\r\n`;
    const { reply, text: stored } = await sent(text);
    assert.match(reply, /^250 /, name);
    assert.equal(ownPart(stored), text);
  }
  for (const value of ["a\0b", "a\rb", "a\nb"]) {
    assert.match((await sent(`X: ${value}\r\n\r\nbody\r\n`)).reply, /^550 5\.6\.0 /);
  }
});

const RECEIVED = "rEcEiVeD: by x\r\n";

test("HDR-05: a hundred Received fields in the header are a loop, in the body they are text", async () => {
  const [few, many, folded, inBody] = await Promise.all([
    sent(`${RECEIVED.repeat(99)}\r\nx\r\n`),
    sent(`${RECEIVED.repeat(100)}\r\nx\r\n`),
    sent(`${"Received:\r\n by x\r\n".repeat(100)}\r\nx\r\n`),
    sent(`A: b\r\n\r\n${RECEIVED.repeat(200)}\r\n`),
  ]);
  assert.match(few.reply, /^250 /);
  assert.match(many.reply, /^500 5\.4\.6 /);
  assert.match(folded.reply, /^500 5\.4\.6 /);
  assert.match(inBody.reply, /^250 /);
});

test("HDR-07: a file name in pieces is not ours to read", async () => {
  const text =
    "Content-Disposition: attachment;\r\n filename*0*=utf-8''a%0d%0a;\r\n filename*1=\"b\r\n .exe\"\r\n\r\nx\r\n";
  assert.equal(ownPart((await sent(text)).text), text);
});

test("HDR-08: every octet but NUL, CR and LF is stored as it came", async () => {
  const octets = Array.from({ length: 256 }, (_, value) => value).filter(
    (value) => value !== 0 && value !== 10 && value !== 13,
  );
  const line = String.fromCharCode(...octets);
  const text = `Subject: ${line}\r\n\r\n${`${line}\r\n`.repeat(50)}`;
  assert.equal(ownPart((await sent(text)).text), text);
});
