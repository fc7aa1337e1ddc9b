import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection, Network } from "#base/ports/network.ts";
import { SimWorld } from "#world/sim/world.ts";
import { type LentNetwork, SharedListeners } from "./shared-listeners.ts";

const ENDPOINT: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };

/** One who accepts: greets each client with its name, and counts them. */
class Taker {
  readonly network: LentNetwork;
  readonly #name: string;
  clients = 0;
  gone = 0;

  constructor(name: string, network: LentNetwork) {
    this.#name = name;
    this.network = network;
  }

  async listen(): Promise<() => void> {
    const listening = await this.network.listen(ENDPOINT, (connection) => {
      this.clients++;
      connection.start({ data() {}, end() {}, drain() {}, closed: () => this.gone++ });
      connection.write(Buffer.from(this.#name));
    });
    assert.ok(!("code" in listening));
    return () => listening.close();
  }
}

class Lobby {
  readonly world = new SimWorld(1);
  readonly listeners = new SharedListeners(this.world.network);

  taker(name: string): Taker {
    return new Taker(name, this.listeners.lend(this.world.network));
  }

  /** Who greeted a new client: "" if nobody has, "gone" if the connection ended. */
  async visit(): Promise<string> {
    const { clock, network } = this.world;
    const connection = await clock.runUntilSettled(connect(network), 1000);
    let heard = "";
    connection.start({
      data: (bytes) => (heard += Buffer.from(bytes).toString()),
      end: () => connection.end(),
      drain() {},
      closed: () => (heard = "gone"),
    });
    await clock.advance(1000);
    return heard;
  }
}

async function connect(network: Network): Promise<Connection> {
  const connection = await network.connect(ENDPOINT, { timeoutMs: 500 });
  if ("code" in connection) throw new Error(connection.message);
  return connection;
}

test("clients are shared out in turn", async () => {
  const lobby = new Lobby();
  await lobby.listeners.bind(ENDPOINT);
  for (const name of ["a", "b"]) await lobby.taker(name).listen();
  const visits = [];
  for (let n = 0; n < 4; n++) visits.push(await lobby.visit());
  assert.deepEqual(visits, ["a", "b", "a", "b"]);
});

test("a client that finds nobody waits for the first who accepts", async () => {
  const lobby = new Lobby();
  await lobby.listeners.bind(ENDPOINT);
  assert.equal(await lobby.visit(), "");
  const late = lobby.taker("late");
  await late.listen();
  assert.equal(late.clients, 1);
});

test("the death of one breaks its connections and leaves the others alone", async () => {
  const lobby = new Lobby();
  await lobby.listeners.bind(ENDPOINT);
  const [one, two] = [lobby.taker("one"), lobby.taker("two")];
  await one.listen();
  await two.listen();
  await Promise.all([lobby.visit(), lobby.visit()]);
  one.network.die();
  await lobby.world.clock.advance(1000);
  assert.deepEqual([one.gone, two.gone], [0, 0], "the dead hear nothing");
  assert.equal(await lobby.visit(), "two");
  assert.equal(await lobby.visit(), "two");
});

test("who stops accepting keeps its clients", async () => {
  const lobby = new Lobby();
  await lobby.listeners.bind(ENDPOINT);
  const [one, two] = [lobby.taker("one"), lobby.taker("two")];
  const close = await one.listen();
  await two.listen();
  assert.equal(await lobby.visit(), "one");
  close();
  assert.equal(await lobby.visit(), "two");
  assert.equal(await lobby.visit(), "two");
  assert.equal(one.gone, 0);
});

test("an endpoint that is taken is a fault, and what was not bound here is listened on apart", async () => {
  const lobby = new Lobby();
  assert.equal(await lobby.listeners.bind(ENDPOINT), undefined);
  assert.equal((await lobby.listeners.bind(ENDPOINT))?.code, "EADDRINUSE");
  const other: Endpoint = { ...ENDPOINT, port: 2525 };
  const listening = await lobby.taker("apart").network.listen(other, () => undefined);
  assert.ok(!("code" in listening));
});

test("after the end nobody can connect, and who waited is let go", async () => {
  const lobby = new Lobby();
  await lobby.listeners.bind(ENDPOINT);
  const visit = lobby.visit();
  await lobby.world.clock.advance(100);
  lobby.listeners.close();
  assert.equal(await visit, "gone");
  const { clock, network } = lobby.world;
  await assert.rejects(clock.runUntilSettled(connect(network), 1000), /Cannot connect/u);
});
