/** Too much of everything: recipients, octets, lines, header fields, connections. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "#engine/server/limits.ts";
import { HostileClient } from "./client.ts";
import { Scene } from "./scene.ts";

const HELO = "EHLO client.test\r\n";
const TO_DATA = `${HELO}MAIL FROM:<a@example.test>\r\nRCPT TO:<rcpt@example.test>\r\nDATA\r\n`;
/** `smtp max-message-size` where nothing is said. */
const MAX_MESSAGE_BYTES = 36_700_160;

/** What the server said to `wire` after its greeting. */
async function say(scene: Scene, wire: string): Promise<readonly string[]> {
  const client = await scene.client();
  await scene.run(client.before("banner"));
  await scene.run(client.write(wire));
  const replies: string[] = [];
  for (;;) {
    const reply = await scene.run(client.reply(1000));
    if (reply === undefined) break;
    replies.push(reply);
  }
  client.leave();
  await scene.world.clock.advance(100);
  return replies;
}

/** How often each code was said. */
function codes(replies: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reply of replies) counts[reply.slice(0, 3)] = (counts[reply.slice(0, 3)] ?? 0) + 1;
  return counts;
}

test("LIM-01: of ten thousand recipients a thousand are taken, and the message goes to them", async () => {
  const scene = await Scene.start();
  const recipients = Array.from({ length: 10_000 }, (_, n) => `RCPT TO:<u${n}@example.test>\r\n`);
  const wire = `${HELO}MAIL FROM:<a@example.test>\r\n${recipients.join("")}DATA\r\n`;
  const replies = await say(scene, `${wire}Subject: x\r\n\r\nx\r\n.\r\n`);
  assert.deepEqual(codes(replies), { 250: 1 + 1 + 1000 + 1, 452: 9000, 354: 1 });
  assert.equal(scene.stored[0]?.forwardPaths.length, 1000);
});

test("LIM-03: guessing at recipients ends the session", async () => {
  const scene = await Scene.start();
  const guesses = Array.from({ length: 1000 }, (_, n) => `RCPT TO:<u${n}@external.test>\r\n`);
  const wire = `${HELO}MAIL FROM:<a@example.test>\r\n${guesses.join("")}`;
  const replies = await say(scene, wire);
  assert.deepEqual(codes(replies), { 250: 2, 550: 100, 421: 1 });
});

test("LIM-05: a declared size above the limit is refused at MAIL, one at the limit is not", async () => {
  const scene = await Scene.start();
  const sizes = [MAX_MESSAGE_BYTES + 1, MAX_MESSAGE_BYTES];
  const mails = sizes.map((size) => `MAIL FROM:<a@example.test> SIZE=${size}\r\nRSET\r\n`);
  const replies = await say(scene, HELO + mails.join(""));
  assert.match(replies[1] ?? "", /^552 5\.3\.4 /);
  assert.match(replies[3] ?? "", /^250 /);
});

test("LIM-06: a message that grows over the limit is dropped on the way, whatever size it declared", async () => {
  const scene = await Scene.start();
  const client = await scene.client();
  await scene.run(client.before("helo"));
  await scene.run(client.write("MAIL FROM:<a@example.test> SIZE=10\r\n"));
  await scene.run(client.write("RCPT TO:<rcpt@example.test>\r\nDATA\r\nSubject: x\r\n\r\n"));
  for (let n = 0; n < 3; n++) await scene.run(client.reply());
  const block = `${"x".repeat(998)}\r\n`.repeat(1000);
  for (let megabytes = 0; megabytes < 50; megabytes++) await scene.run(client.write(block));
  await scene.run(client.write(".\r\n"));
  assert.match((await scene.run(client.reply())) ?? "", /^554 5\.3\.4 /);
  assert.deepEqual(scene.stored, []);
  // What it had stored is gone, and the session goes on.
  await scene.run(client.write("NOOP\r\n"));
  assert.match((await scene.run(client.reply())) ?? "", /^250 /);
});

test("LIM-07: lines of any length are stored as they came", async () => {
  for (const length of [998, 1000, 1001, 2048, 65_534, 65_536, 1_000_000, 10_485_760]) {
    const scene = await Scene.start();
    const body = `${"x".repeat(length)}\r\n`;
    const replies = await say(scene, `${TO_DATA}Subject: x\r\n\r\n${body}.\r\n`);
    assert.match(replies.at(-1) ?? "", /^250 /, `${length}`);
    assert.ok(scene.stored[0]?.text?.endsWith(`\r\n\r\n${body}`), `${length}: the line is whole`);
  }
});

for (const { name, header } of [
  { name: "one field of ten megabytes, folded", header: `A: b\r\n${" c\r\n".repeat(2_500_000)}` },
  { name: "a hundred thousand fields", header: "A: b\r\n".repeat(100_000) },
  { name: "a header that is the whole message", header: "A: b\r\n".repeat(1_000_000) },
  { name: "a field name without end", header: "A".repeat(10_000_000) },
  { name: "fifty thousand brackets of a comment", header: `To: ${"(".repeat(50_000)}\r\n` },
  { name: "fifty thousand angles and colons", header: `To: ${"<:".repeat(50_000)}\r\n` },
  { name: "a megabyte of escapes in quotes", header: `To: "${"\\a".repeat(500_000)}\r\n` },
]) {
  test(`LIM-08, NOD-12: ${name} costs time in proportion`, async () => {
    const scene = await Scene.start();
    const startedMs = performance.now();
    const replies = await say(scene, `${TO_DATA}${header}\r\nx\r\n.\r\n`);
    assert.match(replies.at(-1) ?? "", /^(?:250|550) /);
    // Ten megabytes take a second here; what is not linear takes minutes.
    assert.ok(performance.now() - startedMs < 15_000, `${performance.now() - startedMs} ms`);
  });
}

test("NOD-06: octets are counted, not characters", async () => {
  const scene = await Scene.start(1, {
    lines: [
      'smtp max-message-size "2048"',
      "listen on 192.0.2.1",
      'action "d" maildir "/mail" user "mail"',
      'match from any for any action "d"',
    ],
  });
  // 1000 characters of three octets each.
  const text = `Subject: x\r\n\r\n${"\xE2\x82\xAC".repeat(1000)}\r\n`;
  const replies = await say(scene, `${TO_DATA}${text}.\r\n`);
  assert.match(replies.at(-1) ?? "", /^554 5\.3\.4 /);
});

test("CMD-07: limits of lines hold for octets in any pieces", async () => {
  const scene = await Scene.start();
  const replies = await say(scene, `${HELO}NOOP ${"x".repeat(505)}\r\n`);
  assert.deepEqual(codes(replies), { 250: 2 });
});

test("LIM-11: of too many connections each is told so, and the next one is served when some have gone", async () => {
  const scene = await Scene.start(1, {
    limits: { ...DEFAULT_LIMITS, maxSessions: 100, reservedSessions: 0, maxSessionsPerSource: 60 },
  });
  const clients = [];
  for (let n = 0; n < 150; n++) clients.push(await scene.client(`198.51.100.${n % 2}`));
  const greetings: string[] = [];
  for (const client of clients) greetings.push((await scene.run(client.reply())) ?? "none");
  assert.deepEqual(codes(greetings), { 220: 100, 421: 50 });
  for (const client of clients) client.leave();
  await scene.world.clock.advance(100);
  assert.match(await scene.sendsMail("198.51.100.1"), /^250 /);
});

test("LIM-11: under stress a silent stranger has ten seconds, and clients of this machine their time", async () => {
  const scene = await Scene.start(1, {
    lines: [
      "listen on 192.0.2.1",
      "listen on 127.0.0.1",
      'action "deliver" maildir "/mail" user "mail"',
      'match from any for domain "example.test" action "deliver"',
    ],
    limits: { ...DEFAULT_LIMITS, maxSessions: 100, reservedSessions: 10 },
  });
  const local = await scene.connection("127.0.0.1", { kind: "tcp", host: "127.0.0.1", port: 25 });
  const near = new HostileClient(local, scene.world.clock);
  const silent = [];
  for (let n = 0; n < 89; n++) silent.push(await scene.client(`198.51.100.${n}`));
  const late = await scene.client("203.0.113.1");
  assert.match((await scene.run(late.reply())) ?? "", /^421 4\.3\.2 .* Too many connections$/);
  await scene.world.clock.advance(10_000);
  assert.deepEqual([silent.filter(({ isClosed }) => isClosed).length, near.isClosed], [89, false]);
  assert.match(await scene.sendsMail(), /^250 /);
  const names = ["smtp stress begins", "limit=sessions", "limit=command-time", "smtp stress ends"];
  for (const name of names)
    assert.ok(
      scene.log.some((line) => line.includes(name)),
      name,
    );
});

test("a source that connects too often is told so at once, and the log in one line a second", async () => {
  const scene = await Scene.start(1, {
    limits: { ...DEFAULT_LIMITS, connectionsPerSecond: 1, connectionBurst: 3 },
  });
  const greetings: string[] = [];
  for (let n = 0; n < 50; n++) {
    const client = await scene.client();
    greetings.push((await scene.run(client.reply())) ?? "none");
    client.leave();
  }
  assert.deepEqual(codes(greetings), { 220: 3, 421: 47 });
  assert.match(await scene.sendsMail("203.0.113.1"), /^250 /, "nobody else waits");
  await scene.world.clock.advance(5000);
  const told = scene.log.filter((line) => line.includes("turned-away"));
  assert.deepEqual(
    told.map((line) => line.replace(/^0+ /, "")),
    [
      "smtp turned-away address=198.51.100.7 limit=connection-rate clients=1",
      "smtp turned-away address=198.51.100.7 limit=connection-rate clients=46",
    ],
  );
});

test("a client that sends on and on after the end of its session is cut off", async () => {
  for (const end of ["QUIT\r\n", "A".repeat(4000), "BOGUS\r\n".repeat(20)]) {
    const scene = await Scene.start();
    const client = await scene.client();
    await scene.run(client.before("banner"));
    const startedMs = scene.world.clock.monotonicMs();
    await scene.run(client.write(end + "x".repeat(4 * 1024 * 1024)));
    await scene.world.clock.advance(100);
    assert.equal(scene.server.sessionCount, 0, JSON.stringify(end.slice(0, 6)));
    assert.ok(scene.world.clock.monotonicMs() - startedMs < 5000, "and not after a time-out");
  }
});
