/**
 * A spool of messages that wait for their next try, for what measures a backlog: of 1 KiB, with
 * one recipient each, to a thousand domains; tried once, by a thousand dead servers.
 */
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import type { Spool, SpoolEntry } from "#engine/spool/spool.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";

export const DOMAINS = 1000;
const TEXT = Buffer.from(`Subject: waiting\r\n\r\n${"x".repeat(980)}\r\n`);
const HOUR_MS = 3_600_000;
/** Each commits one message, and then that it was deferred, as the queue does. */
const WRITERS = 500;

/** Fills a spool; every message was tried once, and waits for an hour or more. */
export async function fillSpool(folder: string, count: number): Promise<void> {
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock: nodeClock(),
    random: nodeRandom(),
    observe: () => undefined,
    folder,
  });
  if (opened.kind === "unusable") throw new Error(`Cannot fill the spool: ${opened.reason}`);
  const { spool } = opened;
  let next = 1;
  const writer = async (): Promise<void> => {
    while (next <= count) for (const entry of waiting(next++)) await commit(spool, entry);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await spool.close();
}

async function commit(spool: Spool, entry: SpoolEntry): Promise<void> {
  const outcome = await spool.commit([entry]);
  if (outcome !== "durable") throw new Error(`Cannot fill the spool: an entry was ${outcome}`);
}

function waiting(number: number): readonly SpoolEntry[] {
  // Spread, as real ids are.
  const msgid = (Math.imul(number, 0x9e37_79b1) >>> 0).toString(16).padStart(8, "0");
  const evpid = `${msgid}00000001`;
  const nowMs = Date.now();
  const forwardPath = `recipient-${number}@domain-${number % DOMAINS}.example`;
  const result = {
    evpid,
    outcome: "deferred",
    isHandedOn: false,
    status: "4.4.1",
    diagnostic: "Connection refused (at CONNECT)",
    remote: `mx.domain-${number % DOMAINS}.example [192.0.2.1]`,
  } as const;
  return [
    {
      kind: "accepted",
      message: {
        msgid,
        acceptedAtMs: nowMs,
        reversePath: `sender-${number}@sender.example`,
        origin: {
          kind: "smtp",
          address: `192.0.2.${number % 200}`,
          hostname: `client-${number % 200}.example`,
          helo: `client-${number % 200}.example`,
          fcrdns: "pass",
          tag: "",
          username: "",
          tls: undefined,
        },
        textBytes: TEXT.length,
        is8bit: false,
        terms: undefined,
      },
      envelopes: [
        {
          evpid,
          forwardPath,
          destination: forwardPath,
          action: "out",
          transport: { kind: "mta" },
          rule: "smtpd.conf:9",
          trail: [],
          terms: undefined,
          ttlMs: 96 * HOUR_MS,
        },
      ],
      text: [TEXT],
    },
    {
      kind: "deferred",
      evpid,
      atMs: nowMs,
      retryCount: 1,
      nextTryAtMs: nowMs + HOUR_MS + (number % 1000) * 1000,
      warnedMs: 0,
      result,
    },
  ];
}
