import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { union } from "#base/codec.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Carrier, DeliveryResult, DeliveryTask, MessageText } from "#model/delivery.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import {
  type AttemptReply,
  attemptReplyVariants,
  type AttemptRequest,
  attemptRequestVariants,
} from "#model/ipc/attempt-link.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { memoryLinks } from "#test/support/memory-links.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { AttemptSender } from "./attempt-sender.ts";
import type { ChannelShape } from "./channel.ts";
import { AGENT_SIDE } from "./shapes.ts";

const message = messageOf("0000000a", 3);
const envelope = localEnvelope("0000000a", "local", "b");

const delivered: DeliveryResult = {
  evpid: envelope.evpid,
  outcome: "delivered",
  status: "2.0.0",
  diagnostic: "Ok",
  remote: "",
};

function textOf(bytes: Uint8Array, chunkBytes: number): MessageText {
  return {
    bytes: bytes.length,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        yield bytes.subarray(at, at + chunkBytes);
      }
    },
  };
}

const ATTEMPTS: ChannelShape<AttemptRequest, AttemptReply> = {
  inbound: union(attemptRequestVariants),
  outbound: union(attemptReplyVariants),
  maxFrameBytes: AGENT_SIDE.maxFrameBytes,
};

/** A sender whose far end delivers with `carrier`. */
function joined(carrier: Carrier) {
  const [far, near] = memoryLinks(ATTEMPTS, queueMicrotask);
  const sender = new AttemptSender(near);
  const receiver = new AttemptReceiver((reply) => far.send(reply), carrier);
  near.start({ message: (reply) => sender.reply(reply), closed: () => sender.lost("gone") });
  far.start({ message: (request) => receiver.request(request), closed: () => receiver.lost() });
  return { sender, receiver, close: () => near.destroy() };
}

function taskOf(text: MessageText): DeliveryTask {
  return { message: { ...message, textBytes: text.bytes }, envelopes: [envelope], text };
}

for (const size of [0, 3, INLINE_TEXT_BYTES, INLINE_TEXT_BYTES + 1, 3 * INLINE_TEXT_BYTES + 17]) {
  test(`an attempt carries a text of ${size} bytes to the other process unchanged`, async () => {
    const bytes = Uint8Array.from({ length: size }, (_, at) => at % 251);
    const seen: Uint8Array[] = [];
    const { sender } = joined({
      async attempt(task) {
        // Twice, as a relay does that must begin again on another host.
        for (let round = 0; round < 2; round++) {
          seen.length = 0;
          for await (const chunk of task.text.chunks()) seen.push(chunk.slice());
        }
        return [delivered];
      },
    });
    assert.deepEqual(await sender.attempt(taskOf(textOf(bytes, 100_000))), [delivered]);
    assert.ok(Buffer.concat(seen).equals(bytes), "the same bytes arrive");
  });
}

for (const chunkBytes of [50_000, 100_000, INLINE_TEXT_BYTES, 300_000, 600_000]) {
  test(`who begins a text again while a piece is on its way gets the text and not that piece (${chunkBytes})`, async () => {
    const bytes = Uint8Array.from({ length: 5 * INLINE_TEXT_BYTES + 17 }, (_, at) => at % 251);
    for (let pieces = 0; pieces < 4; pieces++) {
      const seen: Uint8Array[] = [];
      const { sender } = joined({
        async attempt(task) {
          // As of a command that ends while it is being fed: nobody waits for the last piece.
          const left = task.text.chunks()[Symbol.asyncIterator]();
          for (let n = 0; n < pieces; n++) await left.next();
          void left.next();
          for await (const chunk of task.text.chunks()) seen.push(chunk.slice());
          return [delivered];
        },
      });
      assert.deepEqual(await sender.attempt(taskOf(textOf(bytes, chunkBytes))), [delivered]);
      assert.ok(Buffer.concat(seen).equals(bytes), `the same bytes arrive after ${pieces} pieces`);
    }
  });
}

test("a result says over the link how its connection was secured", async () => {
  const tls = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", verified: true };
  const secured = { ...delivered, tls };
  const { sender } = joined({ attempt: async () => [secured] });
  assert.deepEqual(await sender.attempt(taskOf(textOf(new Uint8Array(1), 1))), [secured]);
});

/** A large text that counts who has it open. */
function openableText(): { readonly text: MessageText; readonly readers: { open: number } } {
  const readers = { open: 0 };
  const whole = textOf(new Uint8Array(3 * INLINE_TEXT_BYTES), 100_000);
  const text: MessageText = {
    bytes: whole.bytes,
    async *chunks() {
      readers.open++;
      try {
        yield* whole.chunks();
      } finally {
        readers.open--;
      }
    },
  };
  return { text, readers };
}

test("a large text is let go of when its attempt is over, however often it was read", async () => {
  const { text, readers } = openableText();
  const { sender } = joined({
    async attempt(task) {
      for (let round = 0; round < 2; round++) {
        for await (const chunk of task.text.chunks()) assert.ok(chunk.length > 0, "no empty piece");
      }
      assert.equal(readers.open, 1);
      return [delivered];
    },
  });
  assert.deepEqual(await sender.attempt(taskOf(text)), [delivered]);
  await nextTurn();
  assert.equal(readers.open, 0);
});

test("a large text is let go of when the other process goes away", async () => {
  const { text, readers } = openableText();
  const { sender, close } = joined({
    async attempt(task) {
      const chunks = task.text.chunks()[Symbol.asyncIterator]();
      await chunks.next();
      close();
      return [delivered];
    },
  });
  const [result] = await sender.attempt(taskOf(text));
  assert.equal(result?.outcome, "deferred");
  await nextTurn();
  assert.equal(readers.open, 0);
});

test("who asks for pieces of a large text and reads none gets no more than is on its way", async () => {
  const sent: AttemptRequest[] = [];
  const channel = { congested: false, send: (request: AttemptRequest) => void sent.push(request) };
  const sender = new AttemptSender(channel);
  void sender.attempt(taskOf(textOf(new Uint8Array(9 * INLINE_TEXT_BYTES), 100_000)));
  await nextTurn();
  const ask = async (): Promise<void> => {
    for (let n = 0; n < 100; n++)
      sender.reply({ kind: "text-read", attempt: 1, offset: n * 1000, length: INLINE_TEXT_BYTES });
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  };
  const pieces = (): number => sent.filter(({ kind }) => kind === "text").length;
  await ask();
  assert.equal(pieces(), 2, "the first, and the last that was asked for meanwhile");
  channel.congested = true;
  await ask();
  assert.equal(pieces(), 2);
  channel.congested = false;
  sender.drained();
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  assert.equal(pieces(), 3);
});

test("an attempt whose other process goes away is deferred", async () => {
  const started = Promise.withResolvers<void>();
  const { sender, close } = joined({
    attempt() {
      started.resolve();
      return Promise.withResolvers<readonly DeliveryResult[]>().promise;
    },
  });
  const results = sender.attempt(taskOf(textOf(new Uint8Array(3), 3)));
  await started.promise;
  close();
  assert.deepEqual(
    (await results).map(({ outcome, diagnostic }) => ({ outcome, diagnostic })),
    [{ outcome: "deferred", diagnostic: "gone" }],
  );
});

test("a large text that cannot be read fails whoever reads it, there and then", async () => {
  const heard: string[] = [];
  const { sender } = joined({
    async attempt(task) {
      try {
        for await (const chunk of task.text.chunks()) heard.push(`${chunk.length} bytes`);
      } catch (error) {
        heard.push(error instanceof FilesError ? error.code : String(error));
      }
      return [delivered];
    },
  });
  const broken: MessageText = {
    bytes: 2 * INLINE_TEXT_BYTES,
    async *chunks() {
      yield new Uint8Array(10);
      throw new FilesError("EIO", "disk");
    },
  };
  assert.deepEqual(await sender.attempt(taskOf(broken)), [delivered]);
  assert.deepEqual(heard, ["10 bytes", "EIO"]);
});

test("an attempt whose text cannot be read is deferred", async () => {
  const { sender } = joined({ attempt: async () => [delivered] });
  const broken: MessageText = {
    bytes: 3,
    chunks() {
      throw new FilesError("EIO", "disk");
    },
  };
  const [result] = await sender.attempt(taskOf(broken));
  assert.equal(result?.outcome, "deferred");
});
