import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { guardChannel } from "./child-channel.ts";

const ACK = '{"cmd":"NODE_HANDLE_ACK"}\\n';

/** A child with Node's channel that runs `script`; killed when it misuses the channel. */
function child(t: TestContext, script: string): Guarded {
  return guarded(t, [process.execPath, "-e", script]);
}

interface Guarded {
  readonly child: ChildProcess;
  readonly misuses: () => number;
}

function guarded(t: TestContext, [program, ...words]: readonly [string, ...string[]]): Guarded {
  const started = spawn(program, words, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  t.after(() => started.kill("SIGKILL"));
  let misuses = 0;
  guardChannel(started, {
    misused: () => {
      misuses++;
      started.kill("SIGKILL");
    },
  });
  return { child: started, misuses: () => misuses };
}

/** Scripts of a child that was taken over. Each would end this process, or fill it. */
const MISUSES: Readonly<Record<string, string>> = {
  "no JSON": 'fs.writeSync(3, "xxx\\n")',
  null: 'fs.writeSync(3, "null\\n")',
  "an answer that nobody waits for": `fs.writeSync(3, '${ACK}')`,
  "an answer without its end, then another text": `fs.writeSync(3, '{"cmd":'); fs.writeSync(3, '1}\\n')`,
  "a handle that does not come": `fs.writeSync(3, '{"cmd":"NODE_HANDLE","type":"net.Socket"}\\n')`,
  "a message": 'process.send("hello")',
  "a message of its inside": `fs.writeSync(3, '{"cmd":"NODE_SOCKET_NOTIFY_CLOSE","key":1}\\n')`,
  "a line without an end":
    "const b = Buffer.alloc(65536, 65); setInterval(() => { try { for (;;) fs.writeSync(3, b) } catch {} }, 1)",
  "a socket of its own": `
    const server = require("node:net").createServer((s) => process.send("take it", s));
    server.listen(0, "127.0.0.1", () => require("node:net").connect(server.address().port, "127.0.0.1"));`,
};

for (const [what, script] of Object.entries(MISUSES)) {
  test(`a child that sends ${what} is known for what it is`, { timeout: 20_000 }, async (t) => {
    const { child: taken, misuses } = child(
      t,
      `const fs = require("node:fs"); ${script}; setTimeout(() => {}, 20_000)`,
    );
    const before = process.memoryUsage().rss;
    const [, signal] = (await once(taken, "exit")) as [number | null, string | null];
    assert.equal(signal, "SIGKILL");
    assert.equal(misuses(), 1);
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024, "nothing of it is kept");
  });
}

/** Of what a child may say that was handed a socket: in a shell, as Node would answer by itself. */
const ANSWERS: readonly (readonly [what: string, said: string, misuses: number])[] = [
  ["the answer", ACK, 0],
  ["the start of an answer", ACK.slice(0, 9), 1],
  ["two answers at once", ACK + ACK, 1],
  ["an answer and more", `${ACK}x`, 1],
];

for (const [what, said, expected] of ANSWERS) {
  test(`a child that was handed a socket and says ${what} is ${expected === 0 ? "believed" : "known for what it is"}`, {
    timeout: 20_000,
  }, async (t) => {
    const script = `read -r _ <&3; printf '${said}' >&3; ${expected === 0 ? "" : "sleep 20"}`;
    const { child: taken, misuses } = guarded(t, ["/bin/sh", "-c", script]);
    const server = createServer((socket) => taken.send("yours", socket));
    t.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect((server.address() as { port: number }).port, "127.0.0.1");
    client.on("error", () => undefined);
    const [code] = (await once(taken, "exit")) as [number | null];
    client.destroy();
    assert.deepEqual([code, misuses()], [expected === 0 ? 0 : null, expected]);
  });
}

test("a child is still handed sockets, one after the other", { timeout: 20_000 }, async (t) => {
  const greet = 'process.on("message", (_, socket) => socket.end("hello"))';
  const { child: taker, misuses } = child(t, greet);
  const server = createServer((socket) => taker.send("yours", socket));
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const said = async (): Promise<string> => {
    const client: Socket = connect(port, "127.0.0.1");
    let text = "";
    for await (const chunk of client.setEncoding("utf8")) text += String(chunk);
    return text;
  };
  assert.deepEqual(await Promise.all([said(), said(), said()]), ["hello", "hello", "hello"]);
  assert.equal(await said(), "hello");
  assert.equal(misuses(), 0);
  taker.disconnect();
  await once(taker, "exit");
});

test("a child that cannot be started has no channel to guard", async () => {
  const none = spawn("/nowhere/node", [], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  none.on("error", () => undefined);
  guardChannel(none, { misused: () => assert.fail("nothing was said") });
  await once(none, "error");
});
