/** A whole mail system whose sockets have clients with users: they are the same to every part of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailHost } from "./mail-host.ts";

const MINUTE_MS = 60_000;
const SOCKET = { kind: "unix", path: "/run/in.sock" } as const;
const RULES = [
  `listen on socket "${SOCKET.path}"`,
  'action "box" maildir',
  'match from socket auth "anna" for any action "box"',
  "match from any for any reject",
];

async function hostOf(world: SimWorld, localUid: number): Promise<MailHost> {
  world.users.set({ name: "anna", uid: 1000, gid: 1000, home: "/home/anna" });
  world.disk.plantFolder("/home/anna");
  const settings = { name: "mail.a.example", address: "192.0.2.1", rules: RULES, localUid };
  return MailHost.make(world, settings);
}

/** The codes of the replies to `lines` on the socket. */
async function says(world: SimWorld, ...lines: readonly string[]): Promise<string> {
  const opened = world.startProcess().network.connect(SOCKET, { timeoutMs: MINUTE_MS });
  const connection = (await world.clock.runUntilSettled(opened, MINUTE_MS)) as Connection;
  let text = "";
  connection.start({
    data: (bytes) => (text += Buffer.from(bytes).toString("latin1")),
    end: () => connection.end(),
    drain: () => undefined,
    closed: () => undefined,
  });
  for (const line of lines) {
    await world.clock.advance(1000);
    connection.write(Buffer.from(`${line}\r\n`));
  }
  await world.clock.advance(1000);
  return Array.from(text.matchAll(/^\d{3}(?= )/gmu), ([code]) => code).join(" ");
}

const MAIL = ["EHLO l", "MAIL FROM:<anna@a.example>", "RCPT TO:<anna@a.example>"];

test("a user of the socket is known to the rules, and to the log; another one is not let through", async () => {
  for (const [uid, codes, named] of [
    [1000, "220 250 250 250", "user=anna uid=1000"],
    [1001, "220 250 250 550", "uid=1001"],
  ] as const) {
    const world = new SimWorld(1);
    const host = await hostOf(world, uid);
    assert.equal(await says(world, ...MAIL), codes);
    assert.ok(
      host.log.some((line) => line.includes(`address=local`) && line.endsWith(named)),
      named,
    );
    await host.stop();
  }
});

test("when local dies another one takes its place", async () => {
  const world = new SimWorld(1);
  const host = await hostOf(world, 1000);
  assert.equal(await says(world, ...MAIL), "220 250 250 250");
  host.kill("local");
  await world.clock.advance(MINUTE_MS);
  assert.equal(await says(world, ...MAIL), "220 250 250 250");
  await host.stop();
});
