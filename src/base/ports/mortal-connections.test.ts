import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Endpoint } from "#base/endpoint.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";
import { MortalConnections } from "./mortal-connections.ts";

const ENDPOINT: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };

/** A connection of `owner`, and what its handler hears. */
function owned(owner: MortalConnections) {
  const raw = new MemoryConnection(ENDPOINT, ENDPOINT);
  const heard: string[] = [];
  const connection = owner.own(raw);
  connection.start({
    data: (bytes) => heard.push(Buffer.from(bytes).toString()),
    end: () => heard.push("end"),
    drain: () => heard.push("drain"),
    closed: () => heard.push("closed"),
  });
  return { raw, heard, connection };
}

test("while its owner lives, a connection is as any other", async () => {
  const { raw, heard, connection } = owned(new MortalConnections());
  raw.feed(Buffer.from("hello"), 5);
  connection.write(Buffer.from("hi"));
  connection.end();
  await nextTurn();
  assert.deepEqual([heard, raw.output], [["hello", "closed"], "hi"]);
});

test("when its owner dies, a connection breaks and the owner hears nothing of it", async () => {
  const owner = new MortalConnections();
  const [one, two] = [owned(owner), owned(owner)];
  owner.die();
  await nextTurn();
  for (const { raw, heard } of [one, two]) assert.deepEqual([raw.isEnded, heard], [true, []]);
});

test("a connection that comes to the dead breaks at once", () => {
  const owner = new MortalConnections();
  owner.die();
  assert.equal(owned(owner).raw.isEnded, true);
});

test("the death of one owner leaves the connections of another alone", () => {
  const [owner, other] = [new MortalConnections(), new MortalConnections()];
  const { raw, heard } = owned(other);
  owner.die();
  raw.feed(Buffer.from("hello"), 5);
  assert.deepEqual([raw.isEnded, heard], [false, ["hello"]]);
});
