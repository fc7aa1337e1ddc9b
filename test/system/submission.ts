/** A message for x@far.example, handed to the whole mail system that listens on port 587. */
import assert from "node:assert/strict";
import type { SimWorld } from "#world/sim/world.ts";

const SUBMISSION = { kind: "tcp", host: "127.0.0.1", port: 587 } as const;

/** Hands in a message, and gives it a while. */
export async function submit({ clock, network }: SimWorld): Promise<void> {
  const connection = await clock.runUntilSettled(
    network.connect(SUBMISSION, { timeoutMs: 1000 }),
    60_000,
  );
  assert.ok(!("code" in connection));
  connection.start({
    data: () => undefined,
    end: () => connection.end(),
    drain: () => undefined,
    closed: () => undefined,
  });
  for (const line of [
    "EHLO client.example",
    "MAIL FROM:<>",
    "RCPT TO:<x@far.example>",
    "DATA",
    "Subject: x\r\n\r\nhello\r\n.",
    "QUIT",
  ]) {
    await clock.advance(1000);
    connection.write(Buffer.from(`${line}\r\n`));
  }
  await clock.advance(20_000);
}
