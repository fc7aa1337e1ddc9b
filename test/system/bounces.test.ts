import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#model/events.ts";
import { MailSystem } from "./mail-system.ts";

const NO_SUCH_USER = {
  outcome: "failed",
  status: "5.1.1",
  diagnostic: "550 5.1.1 No such user",
  remote: "mx.far.example [192.0.2.1]",
} as const;

function bounceEvents(system: MailSystem): readonly Event["kind"][] {
  return system.events
    .map((event) => event.kind)
    .filter((kind) => kind === "bounce" || kind === "bounce-dropped");
}

async function textOf(system: MailSystem, msgid: string): Promise<string> {
  let text = "";
  for await (const chunk of system.spool.text(msgid).chunks()) {
    text += Buffer.from(chunk).toString("latin1");
  }
  return text;
}

test("Recipients that fail together share one bounce, stored in the batch of their failures", async () => {
  const system = new MailSystem(1);
  system.carrier.script = (_envelope, message) => {
    if (message.reversePath === "") return { outcome: "deferred" };
    return NO_SUCH_USER;
  };
  const batches: string[][] = [];
  system.spool.fate = (batch) => {
    batches.push(batch.map((entry) => entry.kind));
    return "durable";
  };
  await system.send({ to: ["bob@far.example", "carol@far.example", "dave@near.example"] });
  await system.clock.settle();

  assert.deepEqual(batches.slice(0, 2), [["accepted"], ["failed", "failed", "failed", "accepted"]]);
  assert.deepEqual(bounceEvents(system), ["bounce"]);
  const [bounce] = system.seen("bounce");
  const text = await textOf(system, bounce?.msgid ?? "");
  assert.match(text, /^To: <alice@example\.com>\r$/m);
  for (const to of ["bob@far.example", "carol@far.example", "dave@near.example"]) {
    assert.ok(text.includes(`\r\nFinal-Recipient: rfc822; ${to}\r\n`), text);
  }
  assert.match(text, /\r\nSubject: hello\r\n\r\n--/);
});

test("A bounce that fails is not bounced, and neither is other mail from the null reverse-path", async () => {
  const system = new MailSystem(2);
  system.carrier.script = () => NO_SUCH_USER;
  await system.send({ to: ["bob@far.example"] });
  await system.send({ from: "", to: ["carol@far.example"] });
  await system.clock.advance(1000);
  assert.deepEqual(
    system.seen("bounce-dropped").map((event) => event.why),
    ["No return path", "Double bounce"],
  );
  assert.equal(system.seen("bounce").length, 1);
  assert.equal(system.size, 0);
});

test("A routing loop is bounced as a failure", async () => {
  const system = new MailSystem(3);
  system.carrier.script = (_envelope, { reversePath }) =>
    reversePath === "" ? { outcome: "deferred" } : { outcome: "loop", diagnostic: "Too many hops" };
  await system.send({ to: ["bob@far.example"] });
  await system.clock.settle();
  const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.match(text, /^Action: failed\r\nStatus: 5\.4\.6\r$/m);
});

test("A bounce that no rule takes is dropped, and said to be; the failure is final all the same", async () => {
  const system = new MailSystem(4);
  system.carrier.script = () => NO_SUCH_USER;
  system.resolve = () => ({ kind: "rejected", rule: "", why: "no rule matches" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.settle();
  assert.deepEqual(bounceEvents(system), ["bounce-dropped"]);
  assert.equal(system.size, 0);
});

test("A failure whose bounce cannot be routed now is not final: both are stored once it can", async () => {
  const system = new MailSystem(5);
  let up = false;
  system.carrier.script = (_envelope, { reversePath }) =>
    reversePath === "" ? { outcome: "delivered" } : NO_SUCH_USER;
  const accept = system.resolve;
  system.resolve = (query) => (up ? accept(query) : { kind: "unavailable", why: "down" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(600_000);
  assert.equal(system.carrier.attempts.length, 1);
  assert.equal(system.size, 1);
  up = true;
  await system.clock.advance(60_000);
  assert.deepEqual(system.carrier.delivered, ["alice@example.com"]);
  assert.equal(system.size, 0);
});

test("An expired envelope's bounce says so, and what the last try was told", async () => {
  const system = new MailSystem(6);
  system.carrier.script = () => ({ outcome: "deferred", diagnostic: "451 4.7.1 Try later" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.runUntil(() => system.seen("bounce").length > 0, 6 * 86_400_000);
  const text = await textOf(system, system.seen("bounce")[0]?.msgid ?? "");
  assert.match(text, /^Status: 5\.4\.7\r$/m);
  assert.match(text, /\r\n {4}Its server did not take the message in the time/);
  assert.match(text, /\r\n {4}> 451 4\.7\.1 Try later\r\n/);
});
