import assert from "node:assert/strict";
import { test } from "node:test";
import type { Peer } from "#base/endpoint.ts";
import { ABSENT } from "#base/lookup.ts";
import { Admission } from "./admission.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const SOCKET: Peer = { kind: "unix", path: "/run/x.sock", user: undefined };

function from(host: string): Peer {
  return { kind: "tcp", host, port: 4025 };
}

test("a part of all sessions is for clients on this machine", () => {
  const limits = { ...DEFAULT_LIMITS, maxSessions: 4, reservedSessions: 2 };
  const admission = new Admission(limits);
  const clients = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "127.0.0.1"].map(from);
  const answers = [...clients, SOCKET, SOCKET].map((client) => admission.enter(client, 0));
  const [first, second, third, ...local] = answers;
  assert.deepEqual([first, second, third], [undefined, undefined, "sessions"]);
  assert.deepEqual(local, [undefined, undefined, "sessions"]);
  admission.leave(from("192.0.2.1"));
  assert.equal(admission.enter(from("192.0.2.3"), 0), "sessions", "one is left, for this machine");
  assert.equal(admission.enter(SOCKET, 0), undefined);
});

test("a source has a number of sessions, and a socket none", () => {
  const admission = new Admission({ ...DEFAULT_LIMITS, maxSessionsPerSource: 1 });
  const clients = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(from);
  const answers = [...clients, SOCKET, SOCKET].map((client) => admission.enter(client, 0));
  assert.deepEqual(answers, [undefined, "sessions-per-source", undefined, undefined, undefined]);
});

test("a source that connects too often is kept out, if it stays or not; this machine is not", () => {
  const limits = { ...DEFAULT_LIMITS, connectionsPerSecond: 1, connectionBurst: 2 };
  const admission = new Admission(limits);
  const far = from("192.0.2.1");
  const near = from("127.0.0.1");
  const answers = [0, 1, 2, 1500].map((nowMs) => {
    const limit = admission.enter(far, nowMs);
    if (limit === undefined) admission.leave(far);
    return limit;
  });
  assert.deepEqual(answers, [undefined, undefined, "connection-rate", undefined]);
  for (let n = 0; n < 100; n++) assert.equal(admission.enter(near, 2000), undefined);
});

function user(uid: number, path = "/run/x.sock"): Peer {
  return { kind: "unix", path, user: { uid, name: ABSENT } };
}

test("each user of this machine has a number of sessions, by whatever name and socket", () => {
  const admission = new Admission({ ...DEFAULT_LIMITS, maxSessionsPerUser: 2 });
  const answers = [user(1000), user(1000, "/run/y.sock"), user(1000), user(0), SOCKET].map(
    (client) => admission.enter(client, 0),
  );
  assert.deepEqual(answers, [undefined, undefined, "sessions-per-user", undefined, undefined]);
  admission.leave(user(1000));
  assert.equal(admission.enter(user(1000), 0), undefined, "one of them has gone");
});
