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

/** The verdict on a mail with this text, which is binary if nothing else is said. */
async function send(
  sink: Sink,
  text: MessageText,
  asked: Partial<ClientMail> = {
    needs: { utf8: false, eightBit: false, binary: true, requireTls: false },
  },
): Promise<string> {
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
    ...asked,
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
      assert.equal(await send(sink, textOf(text, pieces)), "accepted");
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
    assert.equal(await send(sink, textOf(".\r\n\0".repeat(bytes).slice(0, bytes))), "accepted");
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
    assert.equal(await send(sink, lying), "undecided");
    assert.deepEqual(sink.messages, []);
    assert.ok(!sink.lines.includes("RSET"));
  });
}

const PIECE_BYTES = 256 * 1024;
const LINE = `${".".repeat(62)}\r\n`;

function chunkSizes({ lines }: Sink): readonly string[] {
  return lines.flatMap((line) => (line.startsWith("BDAT ") ? [line.slice(5)] : []));
}

for (const pipelining of [[], ["PIPELINING"]]) {
  test(`client sends large texts in chunks ${pipelining.join()} where they are offered, with their dots as they are`, async () => {
    const sink = new Sink({ extensions: ["CHUNKING", ...pipelining] });
    const text = LINE.repeat((5 * PIECE_BYTES) / LINE.length);
    assert.equal(await send(sink, textOf(text, 5), {}), "accepted");
    assert.equal(sink.messages[0]?.text, text);
    const whole = String(PIECE_BYTES);
    assert.deepEqual(chunkSizes(sink), [whole, whole, whole, whole, `${whole} LAST`]);
  });
}

test("client cuts what a text's source gives at a time into chunks of a bounded length", async () => {
  const sink = new Sink({ extensions: ["CHUNKING", "PIPELINING"] });
  assert.equal(await send(sink, textOf(LINE.repeat(17_000)), {}), "accepted");
  const sizes = chunkSizes(sink).map((size) => Number.parseInt(size, 10));
  assert.equal(Math.max(...sizes), PIECE_BYTES);
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    17_000 * LINE.length,
  );
});

test("client mends lines in chunks, as none may have an end of another kind", async () => {
  const sink = new Sink({ extensions: ["CHUNKING", "PIPELINING"] });
  const text = `${LINE.repeat(17_000)}a\nb\rc\r\n.\r\n`;
  assert.equal(await send(sink, textOf(text, 7), {}), "accepted");
  assert.equal(sink.messages[0]?.text.slice(-13), "\r\na\r\nb c\r\n.\r\n");
});

test("client sends little of a large text that is refused within", async () => {
  const sink = new Sink({
    extensions: ["CHUNKING"],
    reply: (line) => (line === "CHUNK" ? "552 5.3.4 Too much" : undefined),
  });
  assert.equal(await send(sink, textOf(LINE.repeat(17_000), 5), {}), "refused");
  assert.equal(chunkSizes(sink).length, 1);
  assert.deepEqual(sink.messages, []);
});
