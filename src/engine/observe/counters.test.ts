import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#model/events.ts";
import { MAX_COUNTERS } from "#model/ipc/parent-link.ts";
import { Counters } from "./counters.ts";

function fold(...events: readonly Event[]): Readonly<Record<string, number>> {
  const counters = new Counters();
  for (const event of events) counters.observe(event);
  return Object.fromEntries(counters.list().map(({ name, value }) => [name, value]));
}

function connected(session: string, address: string): Event {
  return { kind: "smtp-connected", session, address, hostname: "<unknown>", user: undefined };
}

test("sessions are counted by family, and those open now", () => {
  assert.deepEqual(
    fold(
      connected("1", "192.0.2.1"),
      connected("2", "2001:db8::1"),
      connected("3", "local"),
      { kind: "smtp-disconnected", session: "2", reason: "quit", limit: undefined },
      { kind: "smtp-disconnected", session: "2", reason: "quit", limit: undefined },
    ),
    {
      "smtp.session.inet4": 1,
      "smtp.session.inet6": 1,
      "smtp.session.local": 1,
      "smtp.session": 2,
    },
  );
});

test("a relay session that failed is open no more", () => {
  assert.deepEqual(
    fold(
      { kind: "mta-connecting", session: "1", address: "smtp://192.0.2.1:25", host: "mx" },
      { kind: "mta-error", session: "1", reason: "timeout" },
      { kind: "mta-disconnected", session: "1", reason: "timeout", messages: 0 },
    ),
    { "mta.connection": 1, "mta.error": 1, "mta.session": 0 },
  );
});

test("deliveries are counted under OpenSMTPD's names", () => {
  const message = {
    msgid: "00000001",
    acceptedAtMs: 0,
    reversePath: "",
    origin: {
      kind: "internal",
      address: "",
      hostname: "",
      helo: "",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes: 1,
    is8bit: false,
    terms: undefined,
  } as const;
  const envelope = {
    evpid: "0000000100000001",
    forwardPath: "a@b",
    destination: "a@b",
    action: "x",
    transport: { kind: "mta" },
    rule: "f:1",
    trail: [],
    terms: undefined,
    ttlMs: 1,
  } as const;
  const outcomes = ["delivered", "delivered", "deferred", "failed", "loop"] as const;
  const deliveries = outcomes.map(
    (outcome): Event => ({
      kind: "delivery",
      message,
      envelope,
      result: { evpid: envelope.evpid, outcome, status: "", diagnostic: "", remote: "" },
      delayMs: 0,
      attempt: { beganAtMs: 0, tookMs: 0, number: 1, nextTryAtMs: 0 },
    }),
  );
  const end = { message, envelope, delayMs: 0, diagnostic: "" };
  assert.deepEqual(
    fold(
      ...deliveries,
      { kind: "expired", ...end },
      { kind: "removed", ...end },
      { kind: "bounce", message, msgid: "00000002", action: "failed" },
      {
        kind: "bounce-dropped",
        message,
        why: "",
        action: "failed",
        limit: "notices-to-strangers",
      },
    ),
    {
      "scheduler.delivery.ok": 2,
      "scheduler.delivery.tempfail": 1,
      "scheduler.delivery.permfail": 1,
      "scheduler.delivery.loop": 1,
      "scheduler.envelope.expired": 1,
      "scheduler.envelope.removed": 1,
      "queue.bounce": 1,
      "queue.bounce.dropped": 1,
      "queue.bounce.limit.notices-to-strangers": 1,
    },
  );
});

test("names are bounded, whoever makes them up", () => {
  const counters = new Counters();
  for (let at = 0; at < 2 * MAX_COUNTERS; at++) counters.add(`name.${at}`, 1);
  counters.observe(connected("1", "local"));
  counters.add("name.0", 1);
  assert.ok(counters.list().length <= MAX_COUNTERS, `${counters.list().length} names`);
  assert.deepEqual(counters.list()[0], { name: "name.0", value: 2 });
});
