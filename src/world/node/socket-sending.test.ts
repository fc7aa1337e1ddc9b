import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SocketSending } from "./socket-sending.ts";

const CLIENTS = 5;

/** Both ends of connections. */
async function connected(t: TestContext): Promise<readonly (readonly [Socket, Socket])[]> {
  const folder = mkdtempSync(join(tmpdir(), "socket-sending-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, "in.sock"));
  t.after(() => server.close());
  const pairs: (readonly [Socket, Socket])[] = [];
  for (let n = 0; n < CLIENTS; n++) {
    const client = connect(join(folder, "in.sock"));
    t.after(() => client.destroy());
    const [accepted] = (await once(server, "connection")) as [Socket];
    pairs.push([client, accepted]);
  }
  return pairs;
}

test("sockets that wait behind one that a child has not answered for are closed when it dies", {
  timeout: 30_000,
}, async (t) => {
  const script = "process.on('message', () => undefined); process.send('here')";
  const child = spawn(process.execPath, ["-e", script], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  child.kill("SIGSTOP");
  const sending = new SocketSending(child);
  const pairs = await connected(t);
  const sent = pairs.map(([, accepted]) => sending.send({ client: "x" }, accepted));
  await sent[0];
  const closed = pairs.map(([client]) => once(client.resume(), "close"));
  child.kill("SIGKILL");
  await Promise.all([...sent, ...closed]);
  const [late] = await connected(t);
  assert.ok(late !== undefined);
  const lateClosed = once(late[0].resume(), "close");
  await sending.send({ client: "x" }, late[1]);
  await lateClosed;
});
