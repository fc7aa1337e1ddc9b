/** What every implementation of the Network port must do; each runs this suite. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type Endpoint, unasked } from "#base/endpoint.ts";
import type { Connection, Listening, Network, NetworkFault } from "#base/ports/network.ts";
import { RecordingHandler } from "./recording-handler.ts";

export interface NetworkUnderTest {
  readonly network: Network;
  /** A path where no socket is yet. */
  readonly socketPath: string;
  /** Lets time pass until `promise` is settled. */
  settled<Value>(promise: Promise<Value>): Promise<Value>;
  dispose(): Promise<void>;
}

const LOOPBACK: Endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** More than any buffer on the way holds. */
const LARGE_BYTES = 16_777_216;

/** Runs the suite; `name` begins the names of its tests. */
export function networkContract(name: string, setUp: () => Promise<NetworkUnderTest>): void {
  const contract = (title: string, check: (given: NetworkUnderTest) => Promise<void>): void => {
    test(`${name} ${title}`, async (t: TestContext) => {
      const given = await setUp();
      t.after(() => given.dispose());
      await check(given);
    });
  };

  contract("carries bytes both ways, in order", async (given) => {
    const { client, server, close } = await open(given);
    const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
    client.start(asking);
    server.start(answering);
    client.write(latin1("one "));
    client.write(latin1("two"));
    await given.settled(answering.until(() => answering.text === "one two"));
    server.write(latin1("three"));
    await given.settled(asking.until(() => asking.text === "three"));
    close();
  });

  contract("knows both ends of a TCP connection", async (given) => {
    const { client, server, close } = await open(given);
    assert.deepEqual(server.remote, client.local);
    assert.deepEqual(client.remote, server.local);
    assert.ok(server.remote.kind === "tcp" && server.remote.port > 0, "a real port");
    close();
  });

  contract("knows a UNIX-domain peer by the listener's path", async (given) => {
    const endpoint: Endpoint = { kind: "unix", path: given.socketPath };
    const { client, server, listening, close } = await open(given, endpoint);
    assert.deepEqual(
      [listening.endpoint, server.remote, server.local, client.remote, client.local],
      [endpoint, unasked(endpoint), endpoint, unasked(endpoint), { kind: "unix", path: "" }],
    );
    const heard = new RecordingHandler();
    server.start(heard);
    client.start(new RecordingHandler());
    client.write(latin1("hello"));
    client.end();
    await given.settled(heard.until(() => heard.events.includes("end")));
    assert.equal(heard.text, "hello");
    close();
  });

  contract("lets one half end while the other goes on, then closes once", async (given) => {
    const { client, server, close } = await open(given);
    const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
    client.start(asking);
    server.start(answering);
    client.write(latin1("question"));
    client.end();
    await given.settled(answering.until(() => answering.events.includes("end")));
    server.write(latin1("answer"));
    server.end();
    await given.settled(Promise.all([asking.closing, answering.closing]));
    assert.deepEqual([asking.text, answering.text], ["answer", "question"]);
    assert.deepEqual(
      [asking.events, answering.events],
      [
        ["end", "closed"],
        ["end", "closed"],
      ],
    );
    close();
  });

  contract("keeps what came before start", async (given) => {
    const { client, server, close } = await open(given);
    client.start(new RecordingHandler());
    client.write(latin1("early"));
    client.end();
    const other = await given.settled(given.network.connect(server.local, { timeoutMs: 5_000 }));
    if (!("code" in other)) other.destroy();
    const heard = new RecordingHandler();
    server.start(heard);
    await given.settled(heard.until(() => heard.events.includes("end")));
    assert.equal(heard.text, "early");
    close();
  });

  contract("gives up an attempt to connect when it is told to", async (given) => {
    const { client, server, close } = await open(given);
    const abort = new AbortController();
    const { signal } = abort;
    const attempt = given.network.connect(server.local, { timeoutMs: 5_000, signal });
    abort.abort();
    const made = await given.settled(attempt);
    assert.equal("code" in made && made.code, "ECANCELED");
    client.destroy();
    server.destroy();
    close();
  });

  contract("tells of a close that came before start", async (given) => {
    const { client, server, close } = await open(given);
    client.destroy();
    server.destroy();
    const heard = new RecordingHandler();
    client.start(heard);
    await given.settled(heard.closing);
    assert.deepEqual(heard.events, ["closed"]);
    close();
  });

  contract("destroys without a fault here, and takes no more", async (given) => {
    const { client, server, close } = await open(given);
    const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
    client.start(asking);
    server.start(answering);
    client.destroy();
    client.destroy();
    await given.settled(asking.closing);
    assert.deepEqual(asking.events, ["closed"]);
    assert.equal(client.write(latin1("dropped")), true, "no drain would ever come");
    client.end();
    await given.settled(answering.until(() => answering.events.includes("end")));
    server.end();
    await given.settled(answering.closing);
    assert.equal(answering.text, "");
    close();
  });

  contract("says why a connection broke", async (given) => {
    const { client, server, close } = await open(given);
    const heard = new RecordingHandler();
    server.start(heard);
    client.start(new RecordingHandler());
    client.destroy();
    await given.settled(heard.until(() => heard.events.includes("end")));
    // The first bytes are answered with a reset, which the next write or read meets.
    server.write(latin1("to nobody"));
    await given.settled(heard.until(() => heard.events.includes("closed") || !server.write(LINE)));
    await given.settled(heard.closing);
    assert.match(heard.fault?.code ?? "none", /^(ECONNRESET|EPIPE)$/);
    close();
  });

  contract("stops a writer whose peer does not read, and lets it go on", async (given) => {
    const { client, server, close } = await open(given);
    const [sending, reading] = [new RecordingHandler(), new RecordingHandler()];
    client.start(sending);
    server.start(reading);
    server.pause();
    assert.equal(client.write(new Uint8Array(LARGE_BYTES)), false);
    assert.ok(client.unsentBytes > 0, "some of it waits");
    server.resume();
    await given.settled(sending.until(() => sending.events.includes("drain")));
    assert.equal(client.unsentBytes, 0);
    await given.settled(reading.until(() => reading.bytes === LARGE_BYTES));
    close();
  });

  contract("holds bytes back while paused", async (given) => {
    const { client, server, close } = await open(given);
    const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
    client.start(asking);
    server.start(answering);
    server.pause();
    client.write(new Uint8Array(LARGE_BYTES));
    server.write(latin1("go"));
    await given.settled(asking.until(() => asking.text === "go"));
    assert.ok(answering.bytes < LARGE_BYTES, "not all of it came");
    server.resume();
    await given.settled(answering.until(() => answering.bytes === LARGE_BYTES));
    close();
  });

  contract("takes one handler for each connection", async (given) => {
    const { client, close } = await open(given);
    client.start(new RecordingHandler());
    assert.throws(() => client.start(new RecordingHandler()), TypeError);
    close();
  });

  contract("tells why it cannot connect", async (given) => {
    const { listening, close } = await open(given);
    close();
    const refused = given.network.connect(listening.endpoint, { timeoutMs: 5_000 });
    assert.equal(faultCode(await given.settled(refused)), "ECONNREFUSED");
    const nowhere = given.network.connect(
      { kind: "unix", path: `${given.socketPath}.none` },
      { timeoutMs: 5_000 },
    );
    assert.equal(faultCode(await given.settled(nowhere)), "ENOENT");
    const byName: Endpoint = { kind: "tcp", host: "localhost", port: 25 };
    await assert.rejects(given.network.connect(byName, { timeoutMs: 1 }), TypeError);
  });

  contract("never takes a live listener's place", async (given) => {
    for (const endpoint of [LOOPBACK, { kind: "unix", path: given.socketPath } as const]) {
      const { listening, close } = await open(given, endpoint);
      const second = await given.settled(given.network.listen(listening.endpoint, () => {}));
      assert.equal(faultCode(second), "EADDRINUSE");
      close();
    }
  });

  contract("keeps open connections when the listener closes", async (given) => {
    const { client, server, listening, close } = await open(given);
    listening.close();
    const heard = new RecordingHandler();
    server.start(heard);
    client.start(new RecordingHandler());
    client.write(latin1("still here"));
    await given.settled(heard.until(() => heard.text === "still here"));
    close();
  });
}

const LINE = latin1("more\r\n");

/** A listener, and the two ends of a connection to it. */
async function open(given: NetworkUnderTest, endpoint: Endpoint = LOOPBACK): Promise<Opened> {
  const accepted: Connection[] = [];
  const accepting = Promise.withResolvers<Connection>();
  const listening = await given.settled(
    given.network.listen(endpoint, (connection) => {
      accepted.push(connection);
      accepting.resolve(connection);
    }),
  );
  if ("code" in listening) throw new Error(`Cannot listen: ${listening.message}`);
  const client = await given.settled(
    given.network.connect(listening.endpoint, { timeoutMs: 5_000 }),
  );
  if ("code" in client) throw new Error(`Cannot connect: ${client.message}`);
  const server = await given.settled(accepting.promise);
  const close = (): void => {
    listening.close();
    for (const connection of [client, ...accepted]) connection.destroy();
  };
  return { listening, client, server, close };
}

interface Opened {
  readonly listening: Listening;
  readonly client: Connection;
  readonly server: Connection;
  /** Closes the listener and every connection. */
  readonly close: () => void;
}

function faultCode(result: Connection | Listening | NetworkFault): string {
  return "code" in result ? result.code : "none";
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
