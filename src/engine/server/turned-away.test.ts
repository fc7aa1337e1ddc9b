import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import type { Event } from "#model/events.ts";
import type { AdmissionLimit } from "#model/limit-name.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";
import { TurnedAway } from "./turned-away.ts";

const SERVER = { kind: "tcp", host: "192.0.2.1", port: 25 } as const;

class Bench {
  readonly clock = new SimClock();
  readonly told: string[] = [];
  readonly turnedAway: TurnedAway;

  constructor(max: number) {
    this.turnedAway = new TurnedAway(this.clock, max);
  }

  /** What a client at `host` hears. */
  add(limit: AdmissionLimit, host = "198.51.100.7"): string {
    const remote = { kind: "tcp", host, port: 4025 } as const;
    const connection = new MemoryConnection(remote, SERVER);
    const observe = (event: Event): void => {
      if (event.kind === "smtp-turned-away")
        this.told.push(`${event.limit} ${event.address} ${event.clients}`);
    };
    this.turnedAway.add(connection, limit, {
      remote,
      server: "mx.example",
      observe,
      isDeaf: false,
    });
    return connection.output;
  }
}

test("clients that are turned away are told why, those of a proxy that says nothing are not", () => {
  const bench = new Bench(10);
  assert.equal(bench.add("sessions"), "421 4.3.2 mx.example Too many connections\r\n");
  assert.match(bench.add("paused"), /^421 4\.3\.2 mx\.example Service not available\r\n$/);
  assert.equal(bench.add("pending-proxies"), "");
});

test("beyond a number that has not gone yet clients are cut off", async () => {
  const bench = new Bench(2);
  const heard = [1, 2, 3].map(() => bench.add("sessions").slice(0, 3));
  assert.deepEqual(heard, ["421", "421", ""]);
  await bench.clock.settle();
  assert.equal(bench.add("sessions").slice(0, 3), "421", "they have gone");
});

test("the first of a kind is told of at once, those behind it once a second with their number", async () => {
  const bench = new Bench(10);
  bench.add("sessions", "192.0.2.1");
  bench.add("connection-rate", "192.0.2.2");
  for (const host of ["192.0.2.3", "192.0.2.4"]) bench.add("sessions", host);
  const first = ["sessions 192.0.2.1 1", "connection-rate 192.0.2.2 1"];
  assert.deepEqual(bench.told, first);
  await bench.clock.advance(1000);
  assert.deepEqual(bench.told, [...first, "sessions 192.0.2.4 2"]);
  bench.add("sessions", "192.0.2.5");
  await bench.clock.advance(1000);
  assert.equal(bench.told.at(-1), "sessions 192.0.2.5 1");
  await bench.clock.advance(1000);
  bench.add("sessions", "192.0.2.6");
  assert.equal(bench.told.at(-1), "sessions 192.0.2.6 1", "at once again");
});
