/**
 * smtpctl(8) on what the running daemon relays: how far attempts are, hosts and routes, and
 * what is paused.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { processesOf } from "./daemon-processes.ts";
import { freePort, until } from "./greeting.ts";
import { type Finished, run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** A server that takes connections and never says a word. */
class MuteServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
    });
  }

  static async listen(port: number): Promise<MuteServer> {
    const mute = new MuteServer();
    mute.#server.listen(port, "127.0.0.1");
    await once(mute.#server, "listening");
    return mute;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

interface Stage {
  readonly daemon: Daemon;
  readonly smtpctl: (...words: readonly string[]) => Promise<Finished>;
}

async function start(scratch: Scratch, port: number): Promise<Stage> {
  const daemon = await Daemon.start(scratch, [
    `action "out" relay host smtp://127.0.0.1:${port} src 127.0.0.1`,
    'match from any for any action "out"',
  ]);
  return {
    daemon,
    smtpctl: (...words) => run([SMTPCTL, "--state", `${scratch.folder}/state`, ...words]),
  };
}

async function send({ daemon }: Stage): Promise<void> {
  using session = await SmtpSession.open({ path: daemon.endpoints.socketPath });
  await session.say("EHLO client.example");
  assert.match(await session.say("MAIL FROM:<a@client.example>"), /^250 /u);
  assert.match(await session.say("RCPT TO:<b@far.example>"), /^250 /u);
  assert.match(await session.say("DATA"), /^354 /u);
  assert.match(await session.say("Subject: onwards\r\n\r\nhello\r\n."), /^250 /u, daemon.log);
}

test("smtpctl says how far an attempt is, and with which host, route and relay", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const port = await freePort();
  await using mute = await MuteServer.listen(port);
  const stage = await start(scratch, port);
  const { smtpctl } = stage;
  await send(stage);
  let id = "";
  await until(async () => {
    id = (await smtpctl("show", "queue", "--state", "inflight")).output.slice(0, 16);
    return id !== "";
  }, "attempt under way");
  await until(
    async () => (await smtpctl("show", "envelope", id)).output.includes("being greeted by"),
    "word of the greeting that does not come",
  );
  const hosts = await smtpctl("show", "hosts");
  assert.match(hosts.output, /^127\.0\.0\.1 \S+ refcount=1 nconn=1 lastconn=\S+\n$/u);
  const routes = await smtpctl("show", "routes");
  assert.match(routes.output, /^\d+\. 127\.0\.0\.1 <-> 127\.0\.0\.1.* N--- nconn=1 nerror=0 /u);
  const relays = await smtpctl("sh", "rel");
  assert.match(relays.output, /^\[relay:127\.0\.0\.1\S*\] refcount=\d+ ntask=1 nconn=1 /u);
  assert.match(relays.output, /\n {2}connector 127\.0\.0\.1 refcount=\d+ nconn=1 /u);
  const json = await smtpctl("show", "hosts", "--json");
  const { address, connections } = JSON.parse(json.output) as Record<string, unknown>;
  assert.deepEqual([address, connections], ["127.0.0.1", 1]);
  assert.equal(mute.connections, 1);
});

test("a route that failed is disabled until a time, by which its mail waits, and can be resumed", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const stage = await start(scratch, await freePort());
  const { smtpctl } = stage;
  await send(stage);
  let route: RegExpExecArray | null = null;
  await until(async () => {
    const { output } = await smtpctl("show", "routes");
    route = /^(\d+)\. .* .DQ- nconn=0 nerror=1 penalty=1 timeout=\d+s$/mu.exec(output);
    return route !== null;
  }, "route that is disabled");
  const [, number = ""] = route ?? [];
  assert.match((await smtpctl("show", "hoststats")).output, /^far\.example\|\d+\|.*refused/u);
  // The next letter finds the route disabled: it is not tried.
  await send(stage);
  await until(
    async () => (await smtpctl("show", "queue", "--reason", "limit *", "--count")).output === "1\n",
    "letter that the limit holds",
  );
  const held = await smtpctl("show", "queue", "--reason", "limit *");
  assert.match(held.output, /\|auth,hold\|.*\|0\|pending\|\d+\|/u);
  assert.deepEqual(await smtpctl("resume", "route", number), {
    code: 0,
    output: "command succeeded\n",
  });
  assert.equal((await smtpctl("resume", "route", number)).code, 1);
});

test("a source that is paused for a domain stays so when the dispatchers die", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const port = await freePort();
  const stage = await start(scratch, port);
  const { daemon, smtpctl } = stage;
  const pair = ["mta", "from", "127.0.0.1", "for", "127.0.0.1"];
  assert.equal((await smtpctl("pause", ...pair)).output, "command succeeded\n");
  for (const { role, pid } of processesOf(daemon.pid))
    if (role === "dispatcher") process.kill(pid, "SIGKILL");
  await until(() => /dispatcher.*starting it again/u.test(daemon.log), "word of the death");
  assert.equal((await smtpctl("show", "mta", "paused")).output, "127.0.0.1 -> 127.0.0.1\n");
  await using mute = await MuteServer.listen(port);
  await until(async () => {
    try {
      await send(stage);
      return true;
    } catch {
      return false; // No dispatcher listens yet.
    }
  }, "daemon that takes mail again");
  await until(
    async () =>
      (await smtpctl("show", "queue", "--error", "*blocked*", "--count")).output === "1\n",
    "letter that is blocked",
  );
  assert.equal((await smtpctl("resume", ...pair)).output, "command succeeded\n");
  assert.equal((await smtpctl("show", "mta", "paused")).output, "");
  assert.equal(mute.connections, 0);
});
