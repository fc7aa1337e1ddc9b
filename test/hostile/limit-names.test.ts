/**
 * Each limit of a session by the name that it has in the log and in `smtpctl show stats`:
 * a stranger runs into it, and nothing else is told. Those for which TLS, a proxy, a login or
 * much memory is needed are in src/engine/server: session-tls.test.ts, smtp-server.test.ts,
 * and in test/dialogs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "#engine/observe/counters.ts";
import {
  DEFAULT_LIMITS,
  MAX_RECEIVED_HEADERS,
  PATIENT,
  SESSION_MS,
  type SessionLimits,
} from "#engine/server/limits.ts";
import type { LimitName } from "#model/limit-name.ts";
import type { HostileClient } from "./client.ts";
import { Scene } from "./scene.ts";

const HELO = "EHLO client.test\r\n";
const TO = "RCPT TO:<rcpt@example.test>\r\n";
const MAIL = `MAIL FROM:<a@example.test>\r\n${TO}`;
const MESSAGE = `${MAIL}DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n`;

const DELIVERS = [
  'action "deliver" maildir "/mail" user "mail"',
  'match from any for domain "example.test" action "deliver"',
];

interface Way {
  readonly name: LimitName;
  readonly limits?: Partial<SessionLimits>;
  readonly lines?: readonly string[];
  /** What the client writes behind the greeting. */
  readonly wire?: string;
  /** What it does then. */
  readonly goesOn?: (scene: Scene, client: HostileClient) => Promise<void>;
}

/** A line again and again, each just in time for `stepMs`, for `forMs`. */
function drips(
  line: string,
  stepMs: number,
  forMs: number,
): (scene: Scene, client: HostileClient) => Promise<void> {
  return async ({ world }, client) => {
    for (let atMs = 0; atMs < forMs && !client.isClosed; atMs += stepMs) {
      await world.clock.advance(stepMs);
      if (!client.isClosed) await client.write(line);
    }
  };
}

function silent(ms: number): (scene: Scene) => Promise<void> {
  return ({ world }) => world.clock.advance(ms);
}

const WAYS: readonly Way[] = [
  { name: "sessions", limits: { maxSessions: 3, reservedSessions: 2 }, goesOn: another },
  { name: "sessions-per-source", limits: { maxSessionsPerSource: 1 }, goesOn: another },
  {
    name: "connection-rate",
    limits: { connectionBurst: 1, connectionsPerSecond: 1 / 60 },
    goesOn: another,
  },
  { name: "command-time", wire: HELO, goesOn: silent(PATIENT.commandMs + 1000) },
  {
    name: "transaction-time",
    limits: { maxIdleCommands: 10_000 },
    wire: HELO,
    goesOn: drips("NOOP\r\n", PATIENT.commandMs / 2, PATIENT.transactionMs + PATIENT.commandMs),
  },
  { name: "data-time", wire: `${HELO}${MAIL}DATA\r\n`, goesOn: silent(PATIENT.dataBlockMs + 1000) },
  {
    name: "data-rate",
    wire: `${HELO}${MAIL}DATA\r\n`,
    goesOn: drips("x\r\n", PATIENT.dataBlockMs / 2, PATIENT.dataGraceMs + PATIENT.dataBlockMs),
  },
  {
    name: "session-time",
    lines: ["smtp limit max-mails 1000", "listen on 192.0.2.1", ...DELIVERS],
    wire: HELO,
    goesOn: drips(MESSAGE, PATIENT.commandMs / 2, SESSION_MS + PATIENT.commandMs),
  },
  { name: "bad-commands", wire: HELO + "XYZ\r\n".repeat(30) },
  {
    name: "unknown-recipients",
    wire: `${HELO}MAIL FROM:<a@example.test>\r\n${"RCPT TO:<u@external.test>\r\n".repeat(150)}`,
  },
  { name: "idle-commands", wire: HELO + "NOOP\r\n".repeat(150) },
  { name: "line-length", wire: `${HELO}NOOP ${"x".repeat(5000)}\r\nQUIT\r\n` },
  { name: "recipients", wire: `${HELO}MAIL FROM:<a@example.test>\r\n${TO.repeat(1001)}QUIT\r\n` },
  { name: "mails", wire: `${HELO}${MESSAGE.repeat(101)}QUIT\r\n` },
  { name: "message-size", wire: `${HELO}MAIL FROM:<a@example.test> SIZE=99999999999\r\nQUIT\r\n` },
  {
    name: "received-fields",
    wire: `${HELO}${MAIL}DATA\r\n${"Received: x\r\n".repeat(MAX_RECEIVED_HEADERS + 1)}\r\n.\r\nQUIT\r\n`,
  },
];

async function another(scene: Scene): Promise<void> {
  const client = await scene.client();
  await scene.run(client.reply());
}

for (const { name, limits, lines, wire, goesOn } of WAYS) {
  test(`the limit '${name}' has its name in the log and in the statistics`, async () => {
    const scene = await Scene.start(1, {
      limits: { ...DEFAULT_LIMITS, ...limits },
      ...(lines && { lines }),
    });
    const client = await scene.client();
    await scene.run(client.before("banner"));
    if (wire !== undefined) await scene.run(client.write(wire));
    await scene.world.clock.advance(1000);
    await goesOn?.(scene, client);
    client.leave();
    await scene.world.clock.advance(1000);
    const counters = new Counters();
    for (const event of scene.events) counters.observe(event);
    const counted = counters
      .list()
      .flatMap((each) => /^smtp\.limit\.(.*)/u.exec(each.name)?.[1] ?? []);
    assert.deepEqual(counted, [name], scene.log.slice(-3).join("\n"));
    assert.ok(
      scene.log.some((line) => line.endsWith(` limit=${name}`) || line.includes(` limit=${name} `)),
    );
  });
}
