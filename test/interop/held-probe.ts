/**
 * Run by processes-held.test.ts with the flags of a role: tries what that role must
 * not be able to do, and prints a line for each try: its name, and "done" or why not.
 * It is copied to a folder of its own, and so imports nothing of the project.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";

const HOME: string = process.env["HOME"] ?? "/nonexistent";

type Tries = Readonly<Record<string, () => unknown>>;

const TRIES: Tries = {
  "read a file of the system": () => readFileSync("/etc/passwd"),
  "read a file by promise": () => readFile("/etc/passwd"),
  "look at a file": () => statSync("/etc/passwd"),
  "read its environment in /proc": () => readFileSync("/proc/self/environ"),
  "write a file": () => writeFileSync(`${HOME}/written`, "x"),
  "start a program": async () => (await import("node:child_process")).execFileSync("/bin/true"),
  "start a thread": async () => {
    const { Worker } = await import("node:worker_threads");
    const worker = new Worker("0", { eval: true });
    await new Promise((resolve, reject) => {
      worker.once("error", reject);
      worker.once("exit", resolve);
    });
  },
  "load native code": () => process.dlopen({ exports: {} }, `${HOME}/none.node`),
  "open a database": async () => {
    const { DatabaseSync } = await import("node:sqlite");
    new DatabaseSync(`${HOME}/database`).exec("create table t (a)");
  },
  "run WASI": async () => {
    const { WASI } = await import("node:wasi");
    return new WASI({ version: "preview1", preopens: { "/": "/" } });
  },
  "open its inspector": async () => {
    const inspector = await import("node:inspector");
    inspector.open(0, "127.0.0.1");
    inspector.close();
  },
};

await attempt(TRIES);
// As role-process.ts does once the role runs.
const permission: NodeJS.ProcessPermission | undefined = process.permission;
permission?.drop("fs.read");
await attempt({
  "read its own source": () => readFileSync(new URL(import.meta.url)),
  "use the network": connectToItself,
});

async function attempt(tries: Tries): Promise<void> {
  for (const [name, act] of Object.entries(tries)) {
    try {
      await act();
      say(`${name}: done`);
    } catch (error) {
      say(`${name}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    }
  }
}

async function connectToItself(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new TypeError("Cannot connect: no port");
  const client = connect(address.port, "127.0.0.1");
  await new Promise((resolve, reject) => {
    client.once("connect", resolve);
    client.once("error", reject);
  });
  client.destroy();
  server.close();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
