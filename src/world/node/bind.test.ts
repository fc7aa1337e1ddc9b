import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Connection, Network } from "#base/ports/network.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { type BoundSocket, bindEndpoint, giveAway } from "./bind.ts";
import { nodeNetwork } from "./network.ts";

const LOOPBACK: Endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** The descriptor under which a child finds what the parent bound. */
const CHILD_FD = 3;

/** Accepts on the endpoint that it inherits, and greets by the name of its argument. */
const CHILD = `
  const [module, kind, where, greeting] = process.argv.slice(1);
  const endpoint = kind === "unix"
    ? { kind, path: where }
    : { kind, host: where.split(" ")[0], port: Number(where.split(" ")[1]) };
  const key = kind === "unix" ? "unix:" + where : where.replace(" ", ":");
  const { nodeNetwork } = await import(module);
  const network = nodeNetwork({ inherited: new Map([[key, ${CHILD_FD}]]) });
  const listening = await network.listen(endpoint, (connection) => {
    connection.start({ data() {}, end() {}, drain() {}, closed() {} });
    connection.write(Buffer.from(greeting));
    connection.end();
  });
  console.log(listening.code ?? "ready");
`;

/** Starts a child that accepts on `bound`, and waits until it does. */
async function startChild(
  t: TestContext,
  bound: BoundSocket,
  flags: readonly string[],
): Promise<void> {
  const { endpoint } = bound;
  const where = endpoint.kind === "unix" ? endpoint.path : `${endpoint.host} ${endpoint.port}`;
  const module = import.meta.resolve("./network.ts");
  const child: ChildProcess = spawn(
    process.execPath,
    [...flags, "--input-type=module", "-e", CHILD, module, endpoint.kind, where, "from the child"],
    { stdio: ["ignore", "pipe", "inherit", bound.fd] },
  );
  t.after(async () => {
    child.kill();
    await once(child, "exit");
  });
  assert.ok(child.stdout !== null, "has a pipe");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(line.toString(), "ready\n");
}

/** What a client of `endpoint` is greeted with. */
async function greeting(network: Network, endpoint: Endpoint): Promise<string> {
  const client = await network.connect(endpoint, { timeoutMs: 10_000 });
  if ("code" in client) return client.code;
  return readToEnd(client);
}

async function readToEnd(client: Connection): Promise<string> {
  const heard = new RecordingHandler();
  client.start(heard);
  await heard.until(() => heard.events.includes("end"));
  client.end();
  await heard.closing;
  return heard.text;
}

async function bind(endpoint: Endpoint, mode?: number): Promise<BoundSocket> {
  const bound = await bindEndpoint(endpoint, mode === undefined ? {} : { mode });
  if ("code" in bound) throw new Error(`Cannot bind: ${bound.message}`);
  return bound;
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(`${tmpdir()}/postrider-bind-`);
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const HELD: readonly string[] = [
  "--permission",
  "--allow-net",
  "--allow-fs-read=*",
  "--disable-warning=ExperimentalWarning",
];

for (const flags of [[], HELD]) {
  const how = flags.length === 0 ? "a child" : "a child held by the permission model";

  test(`${how} accepts on the TCP socket that its parent bound`, async (t) => {
    const bound = await bind(LOOPBACK);
    t.after(() => bound.close());
    await startChild(t, bound, flags);
    assert.equal(await greeting(nodeNetwork(), bound.endpoint), "from the child");
  });

  test(`${how} accepts on the UNIX socket that its parent bound`, async (t) => {
    const path = `${await temporaryFolder(t)}/smtp.sock`;
    const bound = await bind({ kind: "unix", path });
    t.after(() => bound.close());
    await startChild(t, bound, flags);
    assert.equal(await greeting(nodeNetwork(), bound.endpoint), "from the child");
  });
}

test("a bound socket has its port, and accepts nobody by itself", async (t) => {
  const bound = await bind(LOOPBACK);
  t.after(() => bound.close());
  assert.ok(bound.endpoint.kind === "tcp" && bound.endpoint.port > 0, "a real port");
  assert.equal(await greeting(nodeNetwork(), bound.endpoint), "ECONNREFUSED");
});

test("a bound IPv6 socket leaves the port to IPv4 listeners", async (t) => {
  const ipv6 = await bind({ kind: "tcp", host: "::", port: 0 });
  t.after(() => ipv6.close());
  assert.ok(ipv6.endpoint.kind === "tcp", "is TCP");
  const ipv4 = await bind({ ...ipv6.endpoint, host: "0.0.0.0" });
  ipv4.close();
});

test("a port that is listened on cannot be bound, and the fault says so", async () => {
  const listening = await nodeNetwork().listen(LOOPBACK, () => {});
  if ("code" in listening) throw new Error(listening.message);
  const fault = await bindEndpoint(listening.endpoint);
  listening.close();
  assert.ok("code" in fault, "not bound");
  assert.equal(fault.code, "EADDRINUSE");
  assert.match(fault.message, new RegExp(`^Cannot bind ${formatEndpoint(listening.endpoint)}: `));
});

test("an address of another machine cannot be bound, and a name is a bug", async () => {
  const fault = await bindEndpoint({ kind: "tcp", host: "192.0.2.1", port: 0 });
  assert.equal("code" in fault && fault.code, "EADDRNOTAVAIL");
  await assert.rejects(bindEndpoint({ kind: "tcp", host: "localhost", port: 0 }), TypeError);
});

test("a UNIX socket has the mode that was asked for, and goes with its descriptor", async (t) => {
  const path = `${await temporaryFolder(t)}/smtp.sock`;
  for (const [asked, expected] of [
    [undefined, 0o666],
    [0o600, 0o600],
  ] as const) {
    const bound = await bind({ kind: "unix", path }, asked);
    assert.equal(statSync(path).mode & 0o777, expected);
    bound.close();
    assert.equal(existsSync(path), false);
  }
});

test("a link or file that somebody put in a socket's place is not given away, nor what it leads to", async (t) => {
  const folder = await temporaryFolder(t);
  const path = `${folder}/smtp.sock`;
  const secret = `${folder}/secret`;
  writeFileSync(secret, "", { mode: 0o600 });
  for (const replace of [
    () => symlinkSync(secret, path),
    () => writeFileSync(path, "", { mode: 0o600 }),
  ]) {
    const bound = await bind({ kind: "unix", path });
    unlinkSync(path);
    replace();
    const fault = giveAway(path, { mode: 0o666 });
    assert.notEqual(fault, undefined);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    bound.close();
  }
});

test("a UNIX path that cannot be made is a fault", async (t) => {
  const folder = await temporaryFolder(t);
  const fault = await bindEndpoint({ kind: "unix", path: `${folder}/none/smtp.sock` });
  assert.equal("code" in fault && fault.code, "ENOENT");
  const long = await bindEndpoint({ kind: "unix", path: `${folder}/${"x".repeat(200)}` });
  assert.ok("code" in long, "beyond the 107 bytes that a socket's path may have");
});
