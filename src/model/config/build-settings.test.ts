/** Values of the whole server: defaults, order of lines, and what `compat` changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import type { Config } from "./config.ts";
import { formatPlace } from "./place.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

function configWith(...lines: readonly string[]): Config {
  return configOf(...lines, "listen on lo", "action a relay", "match for any action a");
}

test("pauses between connections are OpenSMTPD's under its compat alone", () => {
  const ours = configWith("compat none").mtaLimits;
  const theirs = configWith("compat opensmtpd").mtaLimits;
  assert.deepEqual(
    [ours.connDelayRouteMs, ours.connDelayRelayMs, ours.reconnDelayRouteMs, ours.sessionMailMax],
    [0, 0, 0, 1000],
  );
  assert.deepEqual(
    [theirs.connDelayRouteMs, theirs.connDelayRelayMs, theirs.reconnDelayRouteMs],
    [5000, 2000, 3000],
  );
  assert.equal(theirs.sessionMailMax, 100);
});

test("compat holds for the lines above it, and what a line says goes before it", () => {
  const { mtaLimits, listeners } = configWith("mta limit conn-delay-route 1", "compat opensmtpd");
  assert.equal(mtaLimits.connDelayRouteMs, 1000);
  assert.equal(mtaLimits.connDelayRelayMs, 2000);
  assert.deepEqual(
    listeners.map(({ endpoint }) => endpoint.kind),
    ["tcp", "unix"],
  );
});

test("domain has every limit that is for all, whatever the order of the lines, and its own", () => {
  const { mtaLimits, mtaDomainLimits } = configWith(
    "compat none",
    "mta limit for domain Slow.Example max-conn-per-host 1 inet4",
    "mta limit max-conn-per-host 7 session-keepalive 30",
    "mta limit for domain slow.example task-hiwat 9",
  );
  assert.equal(mtaLimits.maxConnPerHost, 7);
  assert.equal(mtaLimits.family, "any");
  assert.deepEqual([...mtaDomainLimits.keys()], ["slow.example"]);
  const slow = mtaDomainLimits.get("slow.example");
  assert.deepEqual(
    [slow?.maxConnPerHost, slow?.sessionKeepaliveMs, slow?.taskHiwat, slow?.family],
    [1, 30_000, 9, "inet4"],
  );
});

test("of two lines about one value the later counts, and is where it comes from", () => {
  const { queueTtlMs, places, schedulerLimits } = configWith(
    "compat none",
    "queue ttl 1d",
    "queue ttl 2d",
    "scheduler limit max-inflight 5 max-inflight 6",
  );
  assert.equal(queueTtlMs, 2 * DAY_MS);
  assert.equal(schedulerLimits.maxInflight, 6);
  const place = places.get("queue ttl");
  assert.equal(place && formatPlace(place), "smtpd.conf:3");
  assert.equal(places.get("smtp max-message-size"), undefined);
});

test("ages of delay warnings ascend, and each is there once", () => {
  const { bounceWarnIntervalsMs } = configWith("compat none", "bounce warn-interval 1d, 4h 1h,4h");
  assert.deepEqual(bounceWarnIntervalsMs, [HOUR_MS, 4 * HOUR_MS, DAY_MS]);
});

test("srs has a key and perhaps an old one; its life is in whole days", () => {
  const { srs } = configWith("compat none", "srs ttl 36h", "srs key new", "srs key backup old");
  assert.deepEqual(srs, { key: "new", backupKey: "old", ttlMs: DAY_MS });
  assert.equal(configWith("compat none").srs, undefined);
});

test("lines about TLS add up, and the old spelling is one of them", () => {
  const { tls } = configWith(
    "compat none",
    "smtp ciphers legacy",
    "smtp tls curves X25519 protocols tlsv1.3",
    "smtp tls ciphers secure",
  );
  assert.deepEqual(tls, {
    ciphers: { kind: "level", level: "secure" },
    curves: ["X25519"],
    protocols: ["tlsv1.3"],
  });
});

const encryptions: readonly (readonly [line: string, encryption: unknown])[] = [
  ["", { kind: "off" }],
  ["queue encryption", { kind: "terminal" }],
  ["queue encryption stdin", { kind: "stdin" }],
  ["queue encryption -", { kind: "stdin" }],
  ['queue encryption "-"', { kind: "stdin" }],
  ['queue encryption file "/etc/mail/queue.key"', { kind: "file", path: "/etc/mail/queue.key" }],
  [
    "queue encryption 0123456789abcdef0123456789abcdef",
    { kind: "key", key: "0123456789abcdef0123456789abcdef" },
  ],
];

for (const [line, encryption] of encryptions) {
  test(`'${line}' takes its key from where it says`, () => {
    assert.deepEqual(configWith("compat none", line).queueEncryption, encryption);
  });
}
