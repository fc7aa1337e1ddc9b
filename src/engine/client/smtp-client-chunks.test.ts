import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import type { MessageText } from "#model/delivery.ts";
import { SimWorld } from "#world/sim/world.ts";
import { textOf } from "#test/support/deliveries.ts";
import { Sink } from "#test/support/sink.ts";
import { openClient } from "./open-client.ts";

const AT = { kind: "tcp", host: "192.0.2.1", port: 25 } as const;
const HOUR_MS = 3_600_000;
const BLOCK_BYTES = 64 * 1024;

/** The verdict on a binary mail with this text. */
async function sendBinary(sink: Sink, text: MessageText): Promise<string> {
  const world = new SimWorld(1);
  await sink.listen(world.network, AT);
  const settings = { dialect: "smtp", helo: "client.example" } as const;
  const opened = await world.clock.runUntilSettled(openClient(world, AT, settings), HOUR_MS);
  assert.ok(opened.kind === "open");
  const mail: ClientMail = {
    reversePath: "a@client.example",
    forwardPaths: ["b@server.example"],
    textBytes: text.bytes,
    is8bit: false,
    needs: { utf8: false, eightBit: false, binary: true, requireTls: false },
  };
  const sending = opened.client.send(mail, text);
  const outcome = await world.clock.runUntilSettled(sending, HOUR_MS);
  assert.ok(outcome.kind === "verdicts");
  return outcome.verdicts.map(({ kind }) => kind).join(" ");
}

function chunkingSink(): Sink {
  return new Sink({ extensions: ["PIPELINING", "CHUNKING", "BINARYMIME"] });
}

test("client sends any octets by BDAT as they are", async () => {
  const octets = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => Buffer.from(bytes).toString("latin1"));
  await fc.assert(
    fc.asyncProperty(octets, fc.integer({ min: 1, max: 5 }), async (text, pieces) => {
      const sink = chunkingSink();
      assert.equal(await sendBinary(sink, textOf(text, pieces)), "accepted");
      assert.deepEqual(
        sink.messages.map((message) => message.text),
        [text],
      );
    }),
    { numRuns: 50 },
  );
});

for (const bytes of [BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 1]) {
  test(`client sends ${bytes} octets by BDAT, of which the last leave when the answer is waited for`, async () => {
    const sink = chunkingSink();
    assert.equal(
      await sendBinary(sink, textOf(".\r\n\0".repeat(bytes).slice(0, bytes))),
      "accepted",
    );
    assert.equal(sink.messages[0]?.text.length, bytes);
  });
}

for (const [name, announced] of [
  ["longer", 3],
  ["shorter", 30],
] as const) {
  test(`client ends no chunk whose text is ${name} than it was said`, async () => {
    const sink = chunkingSink();
    const text = textOf("abc\r\nRSET\r\n", 3);
    const lying = { bytes: announced, chunks: () => text.chunks() };
    assert.equal(await sendBinary(sink, lying), "undecided");
    assert.deepEqual(sink.messages, []);
    assert.ok(!sink.lines.includes("RSET"));
  });
}
