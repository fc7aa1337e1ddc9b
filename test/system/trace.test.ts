/** `smtpctl trace` on whole mail systems: the life of a message from its acceptance to its end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { letter, twoHosts, type TwoHosts } from "./two-hosts.ts";

const DAY_MS = 86_400_000;

/** What differs from run to run, or is of no interest, made equal. */
function plain(trace: string, msgids: readonly string[]): string {
  let text = trace;
  for (const [at, msgid] of msgids.entries()) {
    text = text.replaceAll(new RegExp(`${msgid}([0-9a-f]{8})?`, "gu"), (_all, slot?: string) =>
      slot === undefined ? `MESSAGE${at}` : `ENVELOPE${at}`,
    );
  }
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/gu, "TIME")
    .replaceAll(/\d+ bytes/gu, "N bytes")
    .replaceAll(/2\.0\.0 [0-9a-f]{8} /gu, "2.0.0 THEIRS ")
    .replaceAll(/by rule \S+/gu, "by rule RULE")
    .replaceAll(/in [\d.]+ s/gu, "in N s")
    .replaceAll(/retry in \d+ s/gu, "retry in N s");
}

function msgidIn(trace: string): string {
  const found = / ([0-9a-f]{8}) accepted/u.exec(trace)?.[1];
  assert.ok(found !== undefined, trace);
  return found;
}

async function traceOf(hosts: TwoHosts, what: string, ...options: string[]): Promise<string> {
  await hosts.world.clock.advance(2000);
  return hosts.a.control("trace", what, ...options);
}

describe("smtpctl trace", () => {
  test("tells of a message that has been delivered and is gone", async () => {
    const hosts = await twoHosts(1);
    const one = letter("one");
    await hosts.a.submit({ ...one, text: `Message-ID: <one@a.example>\n${one.text}` });
    await hosts.world.clock.advance(60_000);
    assert.equal(await hosts.a.control("show", "queue"), "");
    const trace = await traceOf(hosts, "ben@b.example");
    assert.equal(
      plain(trace, [msgidIn(trace)]),
      [
        'TIME MESSAGE0 accepted from <anna@a.example> by <unknown> [127.0.0.1], HELO "client.example"; N bytes, Message-ID <one@a.example>',
        'TIME ENVELOPE0 to <ben@b.example>: action "out" by rule RULE',
        "TIME ENVELOPE0 attempt 1: handed on to mail.b.example [192.0.2.2] in N s: 250 2.0.0 THEIRS Message accepted for delivery",
        "",
      ].join("\n"),
    );
    assert.equal(await traceOf(hosts, "<one@a.example>"), trace);
    assert.equal(await traceOf(hosts, msgidIn(trace).toUpperCase()), trace);
  });

  test("tells of waits, orders, restarts, the end and its report, by whatever names the message", async () => {
    const hosts = await twoHosts(2, {}, ["queue ttl 1h"]);
    const { a, b, world } = hosts;
    await b.stop();
    await a.submit(letter("two"));
    await world.clock.advance(60_000);
    await a.control("pause", "envelope", "all");
    await a.control("resume", "envelope", "all");
    await world.clock.advance(60_000);
    const waiting = await traceOf(hosts, "anna@a.example");
    assert.match(waiting, /^now [0-9a-f]{16} retry in \d+ s$/mu);
    await a.stop();
    await a.start();
    await world.clock.advance(2 * 3_600_000);
    const msgid = msgidIn(waiting);
    const trace = await traceOf(hosts, msgid);
    const report = /by message ([0-9a-f]{8})/u.exec(trace)?.[1] ?? "";
    const facts = plain(trace, [msgid, report])
      .split("\n")
      .map((line) => line.replace(/: Cannot|: No/u, ":"));
    const shapes: readonly RegExp[] = [
      /^TIME MESSAGE0 accepted from <anna@a\.example> /u,
      /^TIME ENVELOPE0 to <ben@b\.example>/u,
      /^TIME ENVELOPE0 attempt 1: deferred .*; next try at TIME$/u,
      /^TIME ENVELOPE0 paused by an operator$/u,
      /^TIME ENVELOPE0 resumed by an operator$/u,
      /^TIME ENVELOPE0 attempt 2: deferred .*; next try at TIME$/u,
      /^TIME - smtpd started with 1 messages \(1 envelopes\) waiting$/u,
      /^TIME ENVELOPE0 given up: Envelope expired$/u,
      /^TIME MESSAGE0 sender told of the failure by message MESSAGE1$/u,
    ];
    for (const shape of shapes)
      assert.ok(
        facts.some((fact) => shape.test(fact)),
        `${shape} in\n${trace}`,
      );
    const told = await traceOf(hosts, report);
    assert.match(
      plain(told, [msgid, report]),
      /^TIME MESSAGE1 accepted from <> as a report of its own; .*\n(?:.*\n)*TIME MESSAGE1 is the report of the failure of message MESSAGE0$/mu,
    );
  });

  test("tells nothing from before --since, and in JSON what it tells people", async () => {
    const hosts = await twoHosts(3);
    await hosts.a.submit(letter("three"));
    await hosts.world.clock.advance(60_000);
    const rows = (await traceOf(hosts, "ben@b.example", "--json")).trimEnd().split("\n");
    const kinds = rows.map((row) => (JSON.parse(row) as { kind: string }).kind);
    assert.deepEqual(kinds, ["accepted", "attempt"]);
    await hosts.world.clock.advance(DAY_MS);
    assert.match(await traceOf(hosts, "ben@b.example", "--since", "1h"), /nothing is known of it/u);
    assert.match(await traceOf(hosts, "ben@b.example", "--since", "2d"), /accepted from/u);
    assert.match(await traceOf(hosts, "ben@b.example", "--since", "soon"), /--since wants/u);
  });

  test("finds a message by its Message-ID, however large it is", async () => {
    const hosts = await twoHosts(5);
    const large = letter("large", 400 * 1024);
    await hosts.a.submit({ ...large, text: `Message-ID: <large@a.example>\n${large.text}` });
    await hosts.world.clock.advance(60_000);
    assert.match(await traceOf(hosts, "<LARGE@a.example>"), /attempt 1: handed on to /u);
  });

  test("of a queue that keeps none shows what waits", async () => {
    const hosts = await twoHosts(4, {}, ["trace off"]);
    await hosts.b.stop();
    await hosts.a.submit(letter("four"));
    await hosts.world.clock.advance(60_000);
    const [id = ""] = (await hosts.a.control("show", "queue")).split("|");
    const trace = await traceOf(hosts, id);
    assert.match(
      trace,
      /accepted from <anna@a\.example>.*\n.* to <ben@b\.example>.*\nnow .* retry in/u,
    );
  });
});
