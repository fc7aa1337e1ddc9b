/**
 * Clients that stop, at every phase: RFC 5321 §4.5.3.2 gives a client five minutes for
 * the next command. Nobody else waits for them, and nothing of them is left.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./scene.ts";

const MINUTE_MS = 60_000;

/** What is sent before the silence; the session must be there at 4:50 and gone at 5:10. */
const PHASES: readonly (readonly [name: string, wire: string])[] = [
  ["nothing at all", ""],
  ["half a command", "EHL"],
  ["a command without its LF", "EHLO c.test\r"],
  ["EHLO", "EHLO c.test\r\n"],
  ["MAIL", "EHLO c.test\r\nMAIL FROM:<a@example.test>\r\n"],
  ["RCPT", "EHLO c.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<rcpt@example.test>\r\n"],
  ["a refused RCPT", "EHLO c.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<x@external.test>\r\n"],
];
const TO_DATA =
  "EHLO c.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<rcpt@example.test>\r\nDATA\r\n";
const IN_DATA: readonly (readonly [name: string, wire: string])[] = [
  ["DATA", TO_DATA],
  ["half a header", `${TO_DATA}Subj`],
  ["half a text", `${TO_DATA}Subject: x\r\n\r\nhalf`],
  ["a text without the LF of its end", `${TO_DATA}Subject: x\r\n\r\nx\r\n.\r`],
  [
    "a second message's MAIL",
    `${TO_DATA}Subject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<a@example.test>\r\n`,
  ],
];

for (const [name, wire] of [...PHASES, ...IN_DATA]) {
  test(`a client that stops after ${name} is told 421 after five minutes`, async () => {
    const scene = await Scene.start();
    const { clock } = scene.world;
    const client = await scene.client();
    await scene.run(client.before("banner"));
    await scene.run(client.write(wire));
    await clock.advance(4.9 * MINUTE_MS);
    assert.equal(client.isClosed, false, "it has its five minutes");
    const storedBefore = scene.stored.length;
    assert.match(await scene.sendsMail(), /^250 /, "nobody waits for it");
    await clock.advance(0.3 * MINUTE_MS);
    assert.equal(client.isClosed, true);
    let last: string | undefined;
    for (let next = await scene.run(client.reply(1)); next !== undefined; ) {
      last = next;
      next = await scene.run(client.reply(1));
    }
    assert.match(last ?? "", /^421 4\.4\.2 .* Connection timed out$/);
    assert.equal(scene.server.sessionCount, 0);
    assert.equal(scene.stored.length, storedBefore + 1, "its message is not kept");
    assert.equal(clock.pendingTimers, 0);
  });
}

test("LIM-10: a text that comes an octet at a time ends after ten minutes, and five hundred of them too", async () => {
  const scene = await Scene.start();
  const { clock } = scene.world;
  const clients = [];
  for (let n = 0; n < 500; n++) {
    const client = await scene.client(`198.51.${n % 100}.7`);
    await scene.run(client.before("data"));
    clients.push(client);
  }
  for (let minutes = 0; minutes < 20 && scene.server.sessionCount > 0; minutes++) {
    for (const client of clients) await client.write("x");
    await clock.advance(MINUTE_MS);
    if (minutes === 8) assert.equal(scene.server.sessionCount, 500, "a slow client has its time");
    if (minutes === 8) assert.match(await scene.sendsMail(), /^250 /);
  }
  assert.equal(scene.server.sessionCount, 0);
  assert.equal(scene.stored.length, 1);
});

test("a command that comes an octet at a time does not move the end of its five minutes", async () => {
  const scene = await Scene.start();
  const client = await scene.client();
  await scene.run(client.before("banner"));
  for (let minutes = 0; minutes < 7 && !client.isClosed; minutes++) {
    await client.write("E");
    await scene.world.clock.advance(MINUTE_MS);
  }
  assert.equal(client.isClosed, true);
});

const STEPS: readonly string[] = [
  "",
  "EHLO c.test\r\n",
  "MAIL FROM:<a@example.test>\r\n",
  "RCPT TO:<rcpt@example.test>\r\n",
  "DATA\r\n",
  "Subject: x\r\n",
  "\r\nhalf a line",
  " and more\r\n.",
  "\r",
];

for (const how of ["reset", "closed", "half-closed"] as const) {
  test(`LIM-14: a connection that is ${how} at any step leaves no message and no session`, async () => {
    for (let steps = 1; steps <= STEPS.length; steps++) {
      const scene = await Scene.start(steps);
      const { clock } = scene.world;
      const connection = await scene.connection();
      let hasEnded = false;
      connection.start({
        data: () => undefined,
        end: () => {
          hasEnded = true;
          connection.end();
        },
        drain: () => undefined,
        closed: () => undefined,
      });
      await clock.advance(10);
      for (const wire of STEPS.slice(0, steps)) {
        connection.write(Buffer.from(wire));
        await clock.advance(10);
      }
      if (how === "reset") scene.world.network.resetAll();
      else if (how === "closed") connection.destroy();
      else connection.end();
      await clock.advance(1000);
      assert.equal(scene.server.sessionCount, 0, `after ${steps} steps`);
      assert.deepEqual(scene.stored, [], `after ${steps} steps`);
      if (how === "half-closed") assert.equal(hasEnded, true, "we close our half as well");
      assert.equal(clock.pendingTimers, 0, `after ${steps} steps`);
    }
  });
}
