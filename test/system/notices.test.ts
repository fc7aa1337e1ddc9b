import assert from "node:assert/strict";
import { test } from "node:test";
import type { Script } from "./scripted-carrier.ts";
import { DAY_MS, MailSystem } from "./mail-system.ts";

const HOUR_MS = 3_600_000;

async function textOf(system: MailSystem, msgid: string): Promise<string> {
  let text = "";
  for await (const chunk of system.spool.text(msgid).chunks()) {
    text += Buffer.from(chunk).toString("latin1");
  }
  return text;
}

/** What `script` says of mail, while reports stay in the queue. */
function keepingReports(script: Script): Script {
  return (envelope, message) =>
    message.reversePath === "" ? { outcome: "deferred" } : script(envelope, message);
}

/** Actions of the reports that were made. */
function told(system: MailSystem): readonly string[] {
  return system.seen("bounce").map(({ action }) => action);
}

test("A sender is told of a delay once for each interval, and of the end", async () => {
  const system = new MailSystem(1, { bounceWarnIntervalsMs: [HOUR_MS, DAY_MS] });
  system.carrier.script = keepingReports(() => ({
    outcome: "deferred",
    status: "4.7.1",
    diagnostic: "451 4.7.1 Try later",
    remote: "mx.far.example [192.0.2.1]",
  }));
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(HOUR_MS - 1);
  assert.deepEqual(told(system), ["delayed"]);
  const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.match(text, /^Action: delayed\r\nStatus: 4\.7\.1\r$/m);
  assert.match(text, /^Will-Retry-Until: Mon, 05 Jan 2026 00:00:00 \+0000\r$/m);
  await system.clock.advance(DAY_MS - HOUR_MS);
  assert.deepEqual(told(system), ["delayed", "delayed"]);
  await system.clock.advance(4 * DAY_MS);
  assert.deepEqual(told(system), ["delayed", "delayed", "failed"]);
});

test("A delay that was told is not told again after a restart", async () => {
  const system = new MailSystem(2, { bounceWarnIntervalsMs: [HOUR_MS, 2 * DAY_MS] });
  system.carrier.script = keepingReports(() => ({ outcome: "deferred" }));
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(2 * HOUR_MS);
  assert.deepEqual(told(system), ["delayed"]);
  for (let restarts = 0; restarts < 3; restarts++) {
    await system.restart();
    await system.clock.advance(4 * HOUR_MS);
  }
  assert.deepEqual(told(system), ["delayed"]);
});

test("A sender is told of deliveries if it asked: of local ones, and of relayed ones that nobody else reports", async () => {
  const system = new MailSystem(3);
  system.carrier.script = keepingReports(({ destination }) => ({
    outcome: destination.startsWith("bob") ? "handed-on" : "delivered",
    diagnostic: "250 2.0.0 Ok",
  }));
  const to = ["alice@example.com", "bob@far.example", "carol@near.example"];
  await system.send({ to });
  await system.clock.settle();
  assert.deepEqual(told(system), []);
  await system.send({ to, notify: ["success"] });
  await system.clock.settle();
  assert.deepEqual(told(system).toSorted(), ["delivered", "relayed"]);
});

test("A delivery that is reported is recorded with its report, or without one that has no way to go", async () => {
  const system = new MailSystem(4);
  system.carrier.script = keepingReports(() => ({ outcome: "delivered" }));
  system.resolve = () => ({ kind: "unavailable", why: "down" });
  await system.send({ to: ["bob@far.example"], notify: ["success"] });
  await system.clock.settle();
  assert.equal(system.size, 0);
  assert.deepEqual(
    system.seen("bounce-dropped").map(({ action, why }) => [action, why]),
    [["relayed", "It cannot be looked up now where the report goes"]],
  );
});

test("Recipients that fail a little apart share a report, and what was delivered does not wait for it", async () => {
  const system = new MailSystem(5);
  system.carrier.script = keepingReports(({ destination }) =>
    destination.startsWith("bob")
      ? { outcome: "delivered" }
      : { outcome: "failed", diagnostic: "550 No" },
  );
  system.carrier.holds = true;
  await system.send({ to: ["carol@one.example", "bob@two.example", "dave@three.example"] });
  await system.clock.settle();
  system.carrier.release(1);
  await system.clock.advance(400);
  assert.deepEqual([told(system), system.size], [[], 3]);
  system.carrier.release(1);
  await system.clock.advance(400);
  assert.deepEqual([told(system), system.size], [[], 2]);
  system.carrier.release();
  await system.clock.settle();
  assert.deepEqual(told(system), ["failed"]);
  const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.deepEqual(text.match(/(?<=Final-Recipient: rfc822; )\w+/g), ["carol", "dave"]);
});

test("A failure waits a second for the others of its message, and no longer", async () => {
  const system = new MailSystem(6);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  system.carrier.holds = true;
  await system.send({ to: ["carol@one.example", "dave@two.example"] });
  await system.clock.settle();
  system.carrier.release(1);
  await system.clock.advance(999);
  assert.deepEqual(told(system), []);
  await system.clock.advance(1);
  assert.deepEqual(told(system), ["failed"]);
  system.carrier.release();
  await system.clock.settle();
  assert.deepEqual(told(system), ["failed", "failed"]);
});

test("A failure that waits for others when the queue stops is recorded first", async () => {
  const system = new MailSystem(7);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  system.carrier.holds = true;
  await system.send({ to: ["carol@one.example", "dave@two.example"] });
  await system.clock.settle();
  system.carrier.release(1);
  await system.clock.settle();
  await system.clock.runUntilSettled(system.queue.stop(), DAY_MS);
  assert.deepEqual(told(system), ["failed"]);
});

for (const [name, bytes] of [
  ["A small message", 1000],
  ["A large message, which is read from its file and written to another,", 700_000],
] as const) {
  test(`${name} comes back whole to who asked for it`, async () => {
    const system = new MailSystem(8);
    system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
    const original = `Subject: hello\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(bytes, "line\r\n");
    await system.send({ to: ["bob@far.example"], text: original, terms: { returns: "full" } });
    await system.clock.settle();
    const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
    assert.equal(
      text.split("\r\nContent-Type: message/rfc822\r\n\r\n")[1]?.startsWith(original),
      true,
    );
    assert.match(text.slice(-60), /\r\n--[0-9a-f]{32}--\r\n$/);
  });
}

test("A message that is larger than what is returned comes back as its header, and says so", async () => {
  const system = new MailSystem(9);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  const text = `Subject: hello\r\n\r\n${"line\r\n".repeat(200_000)}`;
  await system.send({ to: ["bob@far.example"], text, terms: { returns: "full" } });
  await system.clock.settle();
  const report = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.match(
    report,
    /\r\nYour message is too large to be returned: only its header is attached\.\r\n/,
  );
  assert.ok(report.length < 3000, `${report.length} bytes`);
});

test("Large messages come back whole a few at a time; the others as their header", async () => {
  const system = new MailSystem(10);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  system.carrier.holds = true;
  const text = `Subject: hello\r\n\r\n${"line\r\n".repeat(100_000)}`;
  for (let at = 0; at < 20; at++) {
    await system.send({ to: [`bob${at}@far.example`], text, terms: { returns: "full" } });
  }
  await system.clock.settle();
  system.carrier.release();
  system.carrier.holds = false;
  await system.clock.settle();
  const sizes = await Promise.all(
    system.seen("bounce").map(async ({ msgid }) => (await textOf(system, msgid)).length),
  );
  assert.deepEqual([sizes.length, sizes.filter((bytes) => bytes > text.length).length], [20, 16]);
  await system.send({ to: ["carol@far.example"], text, terms: { returns: "full" } });
  await system.clock.settle();
  const last = system.seen("bounce").at(-1);
  assert.ok((await textOf(system, last?.msgid ?? "")).length > text.length, "whole again");
});

test("A crash while a failure waits for others costs an attempt, and no report", async () => {
  const system = new MailSystem(11);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  system.carrier.holds = true;
  await system.send({ to: ["carol@one.example", "dave@two.example"] });
  await system.clock.settle();
  system.carrier.release(1);
  await system.clock.advance(500);
  assert.deepEqual(told(system), []);
  system.carrier.holds = false;
  await system.restart();
  await system.clock.settle();
  assert.deepEqual(told(system), ["failed"]);
  const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.deepEqual(text.match(/(?<=Final-Recipient: rfc822; )\w+/g), ["carol", "dave"]);
});

test("A message that fails for thousands makes a few reports that name them all", async () => {
  const system = new MailSystem(12);
  system.carrier.script = keepingReports(() => ({ outcome: "failed", diagnostic: "550 No" }));
  const to = Array.from({ length: 2500 }, (_, at) => `u${at}@far.example`);
  await system.send({ to });
  await system.clock.advance(60_000);
  const texts = await Promise.all(system.seen("bounce").map(({ msgid }) => textOf(system, msgid)));
  const named = texts.flatMap((text) => text.match(/(?<=Final-Recipient: rfc822; )\S+/g) ?? []);
  assert.deepEqual(new Set(named), new Set(to));
  assert.ok(texts.length >= 3 && texts.length < 30, `${texts.length} reports`);
});

test("A failure that cannot be reported now does not keep a delivery from being recorded", async () => {
  const system = new MailSystem(13);
  let up = false;
  const accept = system.resolve;
  system.resolve = (query) => (up ? accept(query) : { kind: "unavailable", why: "down" });
  system.carrier.script = keepingReports(({ destination }) => ({
    outcome: destination.startsWith("bob") ? "delivered" : "failed",
  }));
  await system.send({ to: ["bob@far.example", "carol@far.example"] });
  await system.clock.settle();
  assert.equal(system.size, 1);
  up = true;
  await system.clock.advance(60_000);
  assert.deepEqual(told(system), ["failed"]);
});
