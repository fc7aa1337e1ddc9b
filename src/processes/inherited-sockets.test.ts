import assert from "node:assert/strict";
import { test } from "node:test";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { InheritedSockets } from "./inherited-sockets.ts";

const FIRST: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };
const SECOND: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 587 };

/** A bound socket, which tells whether it was closed. */
class Handle {
  readonly fd = 9;
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }
}

/** Whether the sockets of a configuration have arrived by now. */
async function hasArrived(arrived: Promise<void>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    setImmediate(resolve, false);
  });
  return Promise.race([arrived.then(() => true), late]);
}

test("sockets have arrived once there is one for each endpoint, bound for that configuration", async () => {
  const sockets = new InheritedSockets([], 5);
  const arrived = sockets.arrived([FIRST, SECOND], 2);
  sockets.add(formatEndpoint(FIRST), 2, new Handle());
  sockets.add(formatEndpoint(SECOND), 1, new Handle());
  assert.equal(await hasArrived(arrived), false);
  sockets.add(formatEndpoint(SECOND), 2, new Handle());
  assert.equal(await hasArrived(arrived), true);
});

test("nothing is waited for where nothing is new, or all was there before", async () => {
  const sockets = new InheritedSockets([], 5);
  assert.equal(await hasArrived(sockets.arrived([], 1)), true);
  sockets.add(formatEndpoint(FIRST), 1, new Handle());
  assert.equal(await hasArrived(sockets.arrived([FIRST], 1)), true);
});

test("what the process was started with is of no later configuration", async () => {
  const sockets = new InheritedSockets([FIRST], 5);
  assert.equal(await hasArrived(sockets.arrived([FIRST], 1)), false);
});

test("a socket of a configuration that was given up is closed when the next one comes", async () => {
  const sockets = new InheritedSockets([], 5);
  const [givenUp, next] = [new Handle(), new Handle()];
  const waiting = sockets.arrived([FIRST, SECOND], 1);
  sockets.add(formatEndpoint(FIRST), 1, givenUp);
  const arrived = sockets.arrived([FIRST], 2);
  sockets.add(formatEndpoint(FIRST), 2, next);
  assert.equal(await hasArrived(arrived), true);
  assert.deepEqual([givenUp.isClosed, next.isClosed], [true, false]);
  assert.equal(await hasArrived(waiting), false);
});
