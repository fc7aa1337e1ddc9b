import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import { text } from "node:stream/consumers";
import type { Endpoint } from "#base/endpoint.ts";
import { activatedCount } from "./activated-sockets.ts";
import { bindEndpoint, type BoundSocket } from "./bind.ts";

/** Takes the sockets from descriptor 3 on as a service does, and says what it found. */
const SERVICE = `
  const { activatedSockets } = await import(process.argv[1]);
  const sockets = activatedSockets({ ...process.env, LISTEN_PID: String(process.pid) }, process.pid);
  const wanted = JSON.parse(process.argv[2]);
  console.log(JSON.stringify(sockets.untaken()));
  const taken = sockets.take(wanted, { mode: 0o600 });
  console.log(JSON.stringify({ fd: taken?.fd, endpoint: taken?.endpoint, again: sockets.take(wanted, {}) ?? "no" }));
  console.log(JSON.stringify(sockets.untaken()));
`;

test("sockets are known by what they are bound to, and are taken once", async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/postrider-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const wanted: Endpoint = { kind: "unix", path: `${folder}/a socket` };
  const unix = await bound(t, wanted);
  const inet = await bound(t, { kind: "tcp", host: "127.0.0.1", port: 0 });
  const module = import.meta.resolve("./activated-sockets.ts");
  const child = spawn(
    process.execPath,
    ["--input-type=module", "-e", SERVICE, module, JSON.stringify(wanted)],
    { stdio: ["ignore", "pipe", "inherit", unix.fd, inet.fd], env: { LISTEN_FDS: "3" } },
  );
  assert.ok(child.stdout !== null, "has a pipe");
  const lines = (await text(child.stdout)).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [[wanted, inet.endpoint], { fd: 3, endpoint: wanted, again: "no" }, [inet.endpoint]],
  );
  assert.equal(statSync(wanted.path).mode & 0o777, 0o600, "the mode is the configuration's");
});

async function bound(t: TestContext, endpoint: Endpoint): Promise<BoundSocket> {
  const socket = await bindEndpoint(endpoint);
  assert.ok("fd" in socket, "is bound");
  t.after(() => socket.close());
  return socket;
}

for (const [environment, count] of [
  [{}, 0],
  [{ LISTEN_PID: "7", LISTEN_FDS: "2" }, 2],
  [{ LISTEN_PID: "8", LISTEN_FDS: "2" }, 0],
  [{ LISTEN_PID: "7", LISTEN_FDS: "1000000" }, 64],
  [{ LISTEN_PID: "7", LISTEN_FDS: "-1" }, 0],
  [{ LISTEN_PID: "7", LISTEN_FDS: "x" }, 0],
] as const) {
  test(`the process 7 has ${count} sockets by ${JSON.stringify(environment)}`, () => {
    assert.equal(activatedCount(environment, 7), count);
  });
}
