/**
 * A spool of messages that wait for their next try, for what measures a backlog: of 1 KiB, with
 * one recipient each, to a thousand domains; tried once, by a thousand dead servers.
 */
import { hex32 } from "#base/hex.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import type { Spool, SpoolEntry } from "#engine/spool/spool.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { storedEnvelope, storedMessage } from "./stored-mail.ts";

export const DOMAINS = 1000;
const CLIENTS = 200;
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
  const msgid = hex32(Math.imul(number, 0x9e37_79b1));
  const message = storedMessage(msgid, TEXT.length);
  const envelope = storedEnvelope(msgid);
  const { acceptedAtMs } = message;
  const { evpid } = envelope;
  const client = `client-${number % CLIENTS}.example`;
  const domain = `domain-${number % DOMAINS}.example`;
  const forwardPath = `recipient-${number}@${domain}`;
  return [
    {
      kind: "accepted",
      message: {
        ...message,
        reversePath: `sender-${number}@sender.example`,
        origin: {
          ...message.origin,
          address: `192.0.2.${number % CLIENTS}`,
          hostname: client,
          helo: client,
          fcrdns: "pass",
        },
      },
      envelopes: [{ ...envelope, forwardPath, destination: forwardPath, action: "out" }],
      text: [TEXT],
    },
    {
      kind: "deferred",
      evpid,
      atMs: acceptedAtMs,
      retryCount: 1,
      nextTryAtMs: acceptedAtMs + HOUR_MS + (number % 1000) * 1000,
      warnedMs: 0,
      result: {
        evpid,
        outcome: "deferred",
        status: "4.4.1",
        diagnostic: "Connection refused (at CONNECT)",
        remote: `mx.${domain} [192.0.2.1]`,
      },
    },
  ];
}
