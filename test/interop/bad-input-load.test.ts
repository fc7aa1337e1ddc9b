/**
 * Too many, too slow, too much at once, against the real daemon: an honest client gets
 * its answers all the while, memory stays bounded, and afterwards nothing is left.
 */
import assert from "node:assert/strict";
import { readlinkSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { memoryOf, processesOf } from "./daemon-processes.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const skip = await unlessStartable();

const MIB: number = 1024 * 1024;
/** An honest message, from connecting to its 250, on a machine that does other things too. */
const HONEST_WITHIN_MS = 3000;
const IDLE_CLIENTS = 2000;
/** A session that says nothing: its socket, its state, its timer. */
const MAX_BYTES_PER_IDLE_CLIENT: number = 32 * 1024;
/** From one address a process takes 512. */
const SOURCES = 8;

let scratch: Scratch;
let daemon: Daemon;

before(async () => {
  if (skip !== false) return;
  scratch = new Scratch();
  const mail = scratch.mailFolder("mail");
  daemon = await Daemon.start(scratch, [
    `action "d" maildir "${mail}/%{dest.user}" user "${MAIL_USER}"`,
    'match from any for domain "example.test" action "d"',
  ]);
  await honestMail();
  // The delivery agent has started by then, and every process has what it needs.
  await until(() => daemon.log.includes("result=Ok"), "delivery");
});

after(async () => {
  if (skip !== false) return;
  assert.doesNotMatch(daemon.log, /starting it again/, "no process died");
  await scratch[Symbol.asyncDispose]();
});

/** How long one honest message took. */
async function honestMail(): Promise<number> {
  const startedMs = performance.now();
  const client = await newClient();
  assert.match(await client.sendMessage("Subject: good\r\n\r\ngood\r\n"), /^250 /);
  client.leave();
  return performance.now() - startedMs;
}

async function newClient(): Promise<HostileClient> {
  const opened = await nodeNetwork().connect(
    { kind: "tcp", host: "127.0.0.1", port: daemon.endpoints.port },
    { timeoutMs: 5000 },
  );
  assert.ok(!("code" in opened), "the daemon takes connections");
  return new HostileClient(opened, nodeClock());
}

async function honestMailIsPrompt(when: string): Promise<void> {
  for (let n = 0; n < 5; n++) {
    const tookMs = await honestMail();
    assert.ok(tookMs < HONEST_WITHIN_MS, `${when}: ${tookMs} ms`);
  }
}

/** Sockets of the host's own kind: nothing of ours between them and the daemon. */
async function connected(count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, (_, n) =>
    connect({
      host: "127.0.0.1",
      port: daemon.endpoints.port,
      localAddress: `127.0.1.${1 + (n % SOURCES)}`,
    }),
  );
  let greeted = 0;
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      if (bytes.toString("latin1").startsWith("220")) greeted++;
      socket.pause();
    });
  }
  await until(() => greeted === count, `greeting of ${count} clients`);
  return sockets;
}

/** Descriptors of sockets that the daemon's processes have open. */
function openSockets(): number {
  return processesOf(daemon.pid)
    .flatMap(({ pid }) => readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`))
    .filter((path) => {
      try {
        return readlinkSync(path).startsWith("socket:");
      } catch {
        return false; // closed meanwhile
      }
    }).length;
}

async function allAreGone(atMost: number): Promise<void> {
  await until(() => openSockets() <= atMost, "end of all connections");
}

test(`${IDLE_CLIENTS} idle connections cost little, and disturb nobody`, {
  skip,
}, async (context) => {
  const [bytesBefore, socketsBefore] = [memoryOf(daemon.pid), openSockets()];
  const sockets = await connected(IDLE_CLIENTS);
  const perClient = (memoryOf(daemon.pid) - bytesBefore) / IDLE_CLIENTS;
  context.diagnostic(`${Math.round(perClient)} bytes for each`);
  assert.ok(perClient < MAX_BYTES_PER_IDLE_CLIENT, `${perClient} bytes for each`);
  await honestMailIsPrompt("while they idle");
  // NOD-08: each holds most of the longest line.
  for (const socket of sockets) socket.write(`EHLO ${"x".repeat(2000)}`);
  await honestMailIsPrompt("while they stop in a line");
  const grown = memoryOf(daemon.pid) - bytesBefore;
  assert.ok(grown < IDLE_CLIENTS * MAX_BYTES_PER_IDLE_CLIENT + 32 * MIB, `${grown} bytes`);
  for (const socket of sockets) socket.destroy();
  await allAreGone(socketsBefore);
  await honestMailIsPrompt("afterwards");
  const left = memoryOf(daemon.pid) - bytesBefore;
  context.diagnostic(`${Math.round(left / MIB)} MiB more than before`);
  assert.ok(left < 96 * MIB, `${left} bytes are left`);
});

test("LIM-11: clients over the cap of one address are told 421, others are served", {
  skip,
}, async () => {
  const socketsBefore = openSockets();
  const greetings = new Map<string, number>();
  const sockets = Array.from({ length: 600 }, () =>
    connect({ host: "127.0.0.1", port: daemon.endpoints.port, localAddress: "127.0.2.1" }),
  );
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      const code = bytes.toString("latin1", 0, 9);
      greetings.set(code, (greetings.get(code) ?? 0) + 1);
    });
  }
  await until(() => [...greetings.values()].reduce((a, b) => a + b, 0) === 600, "600 greetings");
  assert.equal(greetings.get("421 4.3.2"), 600 - 512);
  await honestMailIsPrompt("from another address");
  for (const socket of sockets) socket.destroy();
  await allAreGone(socketsBefore);
});

/** What two dozen clients do at once, for as long as they are let. */
const NUISANCES: readonly {
  readonly name: string;
  readonly wire: string;
  readonly reads?: boolean;
}[] = [
  { name: "pipeline a million commands and read no reply", wire: "HELP\r\n", reads: false },
  { name: "send octets without a line end", wire: "A".repeat(1000) },
  { name: "send a text of LF alone", wire: "\n" },
  { name: "send a text of CR alone", wire: "\r" },
  { name: "send dots", wire: "\r\n..\r\n." },
  { name: "send a header that does not end", wire: "Received: x\r\n" },
];

for (const { name, wire, reads = true } of NUISANCES) {
  test(`NOD-04: two dozen clients that ${name} disturb nobody`, { skip }, async () => {
    const bytesBefore = memoryOf(daemon.pid);
    const socketsBefore = openSockets();
    const sockets = await connected(24);
    const block = Buffer.from(wire.repeat(Math.ceil(65_536 / wire.length)), "latin1");
    const isText = !wire.startsWith("HELP") && !wire.startsWith("A");
    const pump = (socket: Socket): void => {
      while (!socket.destroyed && socket.write(block));
    };
    for (const socket of sockets) {
      if (reads) socket.resume();
      if (isText)
        socket.write(
          "EHLO x.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nA: b\r\n",
        );
      socket.on("drain", () => pump(socket));
      pump(socket);
    }
    await honestMailIsPrompt("meanwhile");
    const grown = memoryOf(daemon.pid) - bytesBefore;
    assert.ok(grown < 96 * MIB, `${grown} bytes`);
    for (const socket of sockets) socket.destroy();
    await allAreGone(socketsBefore);
  });
}

test("texts that come an octet in a segment are kept in little more than their octets", {
  skip,
}, async (context) => {
  const bytesBefore = memoryOf(daemon.pid);
  const sockets = await connected(20);
  for (const socket of sockets) {
    socket.setNoDelay(true);
    socket.write(
      "EHLO x.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nA: b\r\n\r\n",
    );
  }
  const octet = Buffer.from("x");
  for (let round = 0; round < 3000; round++) {
    for (const socket of sockets) socket.write(octet);
    await new Promise(setImmediate);
  }
  const grown = memoryOf(daemon.pid) - bytesBefore;
  context.diagnostic(`${Math.round(grown / 1024)} KiB for ${20 * 3000} octets`);
  assert.ok(grown < 32 * MIB, `${grown} bytes`);
  for (const socket of sockets) socket.destroy();
  await honestMailIsPrompt("afterwards");
});

test("LIM-14: connections that are reset at every step leave nothing", { skip }, async () => {
  const socketsBefore = openSockets();
  const steps = [
    "EHLO x.test\r\n",
    "MAIL FROM:<a@example.test>\r\n",
    "RCPT TO:<reset@example.test>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\nhalf",
  ];
  for (let round = 0; round < 200; round++) {
    const [socket] = await connected(1);
    socket?.write(steps.slice(0, round % (steps.length + 1)).join(""));
    if (round % 2 === 0) socket?.resetAndDestroy();
    else socket?.end();
  }
  await allAreGone(socketsBefore);
  assert.doesNotMatch(daemon.log, /reset@example\.test> action/, "no such message is kept");
  await honestMailIsPrompt("afterwards");
});

test("NOD-05: while the queue process stands still, clients are greeted and asked on", {
  skip,
}, async () => {
  const queue = processesOf(daemon.pid).find(({ role }) => role === "queue");
  assert.ok(queue !== undefined);
  process.kill(queue.pid, "SIGSTOP");
  const client = await newClient();
  try {
    const startedMs = performance.now();
    await client.before("data");
    assert.ok(performance.now() - startedMs < HONEST_WITHIN_MS);
    await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
    assert.equal(await client.reply(500), undefined, "no 250 without the disk");
  } finally {
    process.kill(queue.pid, "SIGCONT");
  }
  assert.match((await client.reply()) ?? "", /^250 /);
  client.leave();
});
