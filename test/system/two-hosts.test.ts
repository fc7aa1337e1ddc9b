/**
 * Two mail systems, each with all its processes, one relaying to the other by MX:
 * what operators see of it, and how long it takes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { B_ENDPOINT, letter, subjects, twoHosts } from "./two-hosts.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("mail goes from one host to the other and into a Maildir", async () => {
  const { world, a, b } = await twoHosts(1);
  const { code, lines } = await a.submit(letter("hello"));
  assert.equal(code, 0, lines.join("\n"));
  await world.clock.advance(10_000);
  const [text = ""] = await b.mailbox("ben");
  assert.match(text, /^Return-Path: <anna@a\.example>\n/u);
  assert.equal(text.match(/^Received: /gmu)?.length, 2, text);
  assert.match(text, /\n\nhello\n$/u);
  assert.deepEqual(await a.queue(), []);
  assert.deepEqual(await b.queue(), []);
});

test("a message too large for memory goes the same way, byte by byte", async () => {
  const { world, a, b } = await twoHosts(2, { network: { chunkBytes: "whole" } });
  const large = letter("large", 3_000_000);
  const { code, lines } = await a.submit(large);
  assert.equal(code, 0, lines.join("\n"));
  await world.clock.advance(60_000);
  const [text = ""] = await b.mailbox("ben");
  assert.equal(text.slice(text.indexOf("Subject:")), large.text);
});

test("a host that is down for hours gets its mail soon after it is back", async () => {
  const { world, a, b } = await twoHosts(3);
  await b.stop();
  await a.submit(letter("patience"));
  await world.clock.advance(5 * HOUR_MS);
  const [waiting = ""] = await a.queue();
  assert.match(waiting, /ben@b\.example/u);
  assert.match(
    await a.control("show", "envelope", evpidOf(waiting)),
    /refused|ECONNREFUSED|connect/iu,
  );
  await b.start();
  const backMs = world.clock.monotonicMs();
  while ((await subjects(b, "ben")).size === 0) await world.clock.advance(60_000);
  const lateMs = world.clock.monotonicMs() - backMs;
  assert.ok(lateMs < 2 * HOUR_MS, `${lateMs} ms later`);
  assert.deepEqual(await a.queue(), []);
});

test("the sender of mail that waits is told of the delay, and after five days of the end", async () => {
  const { world, a, b } = await twoHosts(4, {}, ["queue ttl 5d"]);
  await b.stop();
  await a.submit(letter("in vain"));
  await world.clock.advance(5 * DAY_MS - HOUR_MS);
  assert.match((await a.mailbox("anna")).join("\n--\n"), /^Action: delayed$/mu);
  assert.equal((await a.mailbox("anna")).length, 1, "it tries for five days");
  await world.clock.advance(9 * HOUR_MS);
  const bounce = (await a.mailbox("anna")).find((each) => /^Action: failed$/mu.test(each)) ?? "";
  assert.match(bounce, /^Delivered-To: anna@a\.example\n/u);
  assert.match(bounce, /ben@b\.example/u);
  assert.match(bounce, /^Subject: in vain$/mu, "the headers of the message are in it");
  assert.deepEqual(await a.queue(), []);
});

test("mail for a domain that does not exist bounces at once", async () => {
  const { world, a } = await twoHosts(5);
  await a.submit({ ...letter("nowhere"), to: ["carla@c.example"] });
  await world.clock.advance(60_000);
  const [bounce = ""] = await a.mailbox("anna");
  assert.match(bounce, /carla@c\.example/u);
});

test("a name server that fails only delays", async () => {
  const { world, a, b } = await twoHosts(6);
  world.resolver.setServers("b.example", "failing");
  await a.submit(letter("delayed"));
  await world.clock.advance(HOUR_MS);
  assert.equal((await a.queue()).length, 1);
  world.resolver.setServers("b.example", "answering");
  await world.clock.advance(2 * HOUR_MS);
  assert.equal((await subjects(b, "ben")).get("delayed"), 1);
});

test("smtpctl holds mail back, shows it, sends it on and removes it", async () => {
  const { world, a, b } = await twoHosts(7);
  assert.match(await a.control("pause", "mta"), /^(command succeeded)?\n?$/u);
  await a.submit(letter("first"));
  await a.submit(letter("second"));
  await world.clock.advance(HOUR_MS);
  const waiting = await a.queue();
  assert.equal(waiting.length, 2);
  assert.match(await a.control("show", "status"), /MTA paused/u);
  await a.control("remove", evpidOf(waiting[0]));
  assert.equal((await a.queue()).length, 1);
  await a.control("resume", "mta");
  await a.control("schedule", "all");
  await world.clock.advance(60_000);
  assert.equal((await subjects(b, "ben")).size, 1);
});

test("smtpctl pauses and resumes listening in every dispatcher", async () => {
  const { a } = await twoHosts(8);
  await a.control("pause", "smtp");
  for (const turn of ["one", "two", "three"]) {
    const { code, lines } = await a.submit(letter(turn));
    assert.equal(code, 1, turn);
    assert.match(lines.join("\n"), /421/u);
  }
  await a.control("resume", "smtp");
  assert.equal((await a.submit(letter("four"))).code, 0);
});

test("a host stopped while it relays goes on when it is back, and sends nothing twice", async () => {
  const { world, a, b } = await twoHosts(9, { network: { latencyMs: 200 } });
  for (let n = 0; n < 10; n++) await a.submit(letter(`letter ${n}`));
  await a.stop();
  await a.start();
  await world.clock.advance(4 * HOUR_MS);
  const arrived = await subjects(b, "ben");
  assert.equal(arrived.size, 10);
  assert.deepEqual([...arrived.values()], Array(10).fill(1));
});

test("a connection that stalls in the middle of a message is given up and tried again", async () => {
  const { world, a, b } = await twoHosts(10);
  world.network.fail(B_ENDPOINT, { kind: "stall-after", bytes: 300, from: "client" }, 1);
  await a.submit(letter("stalled"));
  await world.clock.advance(4 * HOUR_MS);
  assert.equal((await subjects(b, "ben")).get("stalled"), 1);
});

test("mail that waits when a host starts again does not wait for a retry", async () => {
  const { world, a } = await twoHosts(11);
  await a.control("pause", "mda");
  await a.submit({ ...letter("at once"), to: ["carla@a.example"] });
  a.killAll();
  await a.start();
  await world.clock.advance(1_000);
  assert.equal((await subjects(a, "carla")).get("at once"), 1);
});

function evpidOf(line = ""): string {
  const [evpid = ""] = /[0-9a-f]{16}/u.exec(line) ?? [];
  return evpid;
}
