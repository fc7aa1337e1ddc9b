/**
 * NOD-11, SPL-04: a dispatcher that a stranger has taken over says whatever can be said to the
 * queue: bytes that are no frames, and frames with any values in them. The queue must
 * not die of it, now or when it reads its journal again, and still takes honest mail.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NOTIFY_WORDS } from "#protocols/smtp/rcpt-options.ts";
import type { Action } from "#model/config/action.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { CarriedText } from "#model/ipc/carried-text.ts";
import type { DispatcherToQueue, QueueToDispatcher } from "#model/ipc/queue-link.ts";
import { isViewAnswer } from "#model/ipc/view-link.ts";
import { FrameReader } from "#model/ipc/frame.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { QueueDoor } from "#processes/queue-door.ts";
import { DispatcherViews } from "#processes/dispatcher-views.ts";
import { queueAnswers } from "#processes/queue-control.ts";
import {
  AGENT_SIDE,
  CHILD_SIDE,
  CONTROL_CLIENT_SIDE,
  CONTROL_QUEUE_SIDE,
  DISPATCHER_SIDE,
  LOOKUP_CLIENT_SIDE,
  LOOKUP_SIDE,
  PARENT_SIDE,
  QUEUE_SIDE,
} from "#processes/shapes.ts";
import { SimWorld } from "#world/sim/world.ts";
import { maildirAction, relayAction } from "#test/support/actions.ts";
import { NO_KEYS } from "#engine/spool/queue-keys.ts";
import type { SimDisk } from "#world/sim/disk.ts";

const MINUTE_MS = 60_000;
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["out", relayAction("out", { ttlMs: MINUTE_MS, helo: "mx.example" })],
  ["d", maildirAction("d", { ttlMs: MINUTE_MS, user: "mail" })],
]);

/** Bounces are made and delivered, so that what is in them is worded. */
function takesBounces({ forwardPath }: RecipientQuery): Resolution {
  const envelope = {
    destination: forwardPath,
    action: "d",
    transport: { kind: "mda", user: "a", extension: "" } as const,
    rule: "smtpd.conf:1",
    trail: [],
    ttlMs: MINUTE_MS,
  };
  return { kind: "accepted", envelopes: [envelope] };
}

test("bytes that are no frames are faults at the end of every channel, and throw nowhere", () => {
  const shapes = [
    AGENT_SIDE,
    CHILD_SIDE,
    CONTROL_CLIENT_SIDE,
    CONTROL_QUEUE_SIDE,
    DISPATCHER_SIDE,
    LOOKUP_CLIENT_SIDE,
    LOOKUP_SIDE,
    PARENT_SIDE,
    QUEUE_SIDE,
  ];
  const chunks = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...shapes), chunks, fc.boolean(), (shape, pieces, isFramed) => {
      const reader = new FrameReader<unknown>(shape.inbound, shape.maxFrameBytes);
      const body = Buffer.concat(pieces);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      reader.push(isFramed ? Buffer.concat([length, body]) : body, () => undefined);
    }),
    { numRuns: 5000 },
  );
});

/** The queue with its journal on a disk, and one dispatcher's way in. */
class Target {
  readonly world = new SimWorld(1);
  readonly said: QueueToDispatcher[] = [];
  msgids: string[] = [];
  queue: Queue | undefined;
  door: QueueDoor | undefined;

  async start(disk: SimDisk): Promise<void> {
    const { clock, random } = this.world;
    const files = disk.files();
    const opened = await this.#run(
      openJournalSpool({ files, clock, random, observe: () => undefined, folder: "/spool" }),
    );
    assert.ok(opened.kind === "opened", "the spool opens");
    this.queue = createQueue(
      {
        spool: opened.spool,
        clock,
        random,
        routing: { resolve: takesBounces },
        carrier: { attempt: (task) => this.door?.carrier.attempt(task) ?? Promise.resolve([]) },
        observe: () => undefined,
      },
      { ...DEFAULT_QUEUE_SETTINGS, serverName: "mx.example", actions: ACTIONS },
    );
    await this.queue.recover();
    this.door = new QueueDoor(this.queue, {
      congested: false,
      send: (message) => this.#heard(message),
    });
  }

  async says(message: DispatcherToQueue): Promise<void> {
    if (message.kind !== "forward-file" && !isViewAnswer(message)) this.door?.take(message);
    await this.world.clock.advance(10);
  }

  /** All that an operator may look at. */
  async looksAtAll(): Promise<void> {
    assert.ok(this.queue !== undefined);
    const views = new DispatcherViews(this.world.clock);
    const answers = queueAnswers(this.queue, this.world.clock, () => [], {
      staged: this.queue,
      relaying: { views, dispatchers: 1 },
      trace: {
        place: {
          files: this.world.disk.files(),
          folder: "/spool/trace",
          keys: NO_KEYS,
          pause: async () => undefined,
        },
        flushed: async () => undefined,
      },
    });
    for await (const answer of answers({
      kind: "show-queue",
      target: { kind: "all" },
      form: "json",
    })) {
      if (answer.kind !== "row") continue;
      const evpid = /"evpid":"(\w+)"/.exec(answer.json)?.[1];
      if (evpid !== undefined)
        for await (const _ of answers({ kind: "show-envelope", evpid }))
          assert.ok(_.kind !== "bytes");
    }
  }

  #heard(message: QueueToDispatcher): void {
    this.said.push(message);
    if (message.kind === "msgids") this.msgids.push(...message.msgids);
    if (message.kind !== "attempt") return;
    // Answers that name other envelopes, and words that nobody would say.
    const results: readonly DeliveryResult[] = message.envelopes.flatMap(({ evpid }, index) => [
      { evpid: "ffffffffffffffff", outcome: "delivered", status: "", diagnostic: "", remote: "" },
      {
        evpid,
        outcome: index % 2 === 0 ? "failed" : "deferred",
        status: "\r\nX: y",
        diagnostic: "\0\u202E\r\n.\r\n",
        remote: "<>\n",
      },
    ]);
    this.world.clock.after(1, () =>
      this.door?.take({ kind: "results", attempt: message.attempt, results }),
    );
  }

  #run<Value>(promise: Promise<Value>): Promise<Value> {
    return this.world.clock.runUntilSettled(promise, MINUTE_MS);
  }
}

const anyText = fc.oneof(
  fc.string({ maxLength: 20, unit: "binary" }),
  fc.constantFrom("", "@", "\r\n", "\0", "__proto__", "x".repeat(1000), "a@b", "\uD800"),
);
const anyNumber = fc.oneof(
  fc.nat(),
  fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

const anyMessage: fc.Arbitrary<Omit<Message, "msgid">> = fc.record({
  acceptedAtMs: anyNumber,
  reversePath: anyText,
  origin: fc.record({
    kind: fc.constantFrom("smtp", "local", "internal"),
    address: anyText,
    hostname: anyText,
    helo: anyText,
    fcrdns: fc.constantFrom("pass", "fail", "error"),
    tag: anyText,
    username: anyText,
    tls: fc.option(
      fc.record({
        version: anyText,
        cipher: anyText,
        bits: anyNumber,
        verified: fc.boolean(),
        fingerprints: fc.array(anyText, { maxLength: 2 }),
      }),
      { nil: undefined },
    ),
  }),
  textBytes: anyNumber,
  is8bit: fc.boolean(),
  terms: fc.option(
    fc.record({
      isBinary: fc.boolean(),
      utf8: fc.boolean(),
      tls: fc.constantFrom("by-policy", "required", "optional"),
      returns: fc.constantFrom("full", "headers", undefined),
      envelopeId: anyText,
      deliverBy: fc.option(
        fc.record({
          atMs: anyNumber,
          mode: fc.constantFrom("return", "notify"),
          trace: fc.boolean(),
        }),
        { nil: undefined },
      ),
      holdUntilMs: anyNumber,
      priority: fc.integer({ min: -9, max: 9 }),
    }),
    { nil: undefined },
  ),
});
const anyEnvelope: fc.Arbitrary<Omit<Envelope, "evpid">> = fc.record({
  forwardPath: anyText,
  terms: fc.option(
    fc.record({
      notify: fc.option(fc.subarray([...NOTIFY_WORDS]), {
        nil: undefined,
      }),
      originalRecipient: anyText,
    }),
    { nil: undefined },
  ),
  destination: anyText,
  action: fc.oneof(anyText, fc.constantFrom("d", "out")),
  transport: fc.oneof(
    fc.constant({ kind: "mta" } as const),
    anyText.map((user) => ({ kind: "mda", user, extension: "" }) as const),
  ),
  rule: anyText,
  trail: fc.array(
    fc.record({
      by: fc.constantFrom("alias", "virtual", "include", "forward-file"),
      source: anyText,
      key: anyText,
      rule: anyText,
    }),
    { maxLength: 3 },
  ),
  ttlMs: anyNumber,
});
const anySaying = fc.record({
  message: anyMessage,
  envelopes: fc.array(anyEnvelope, { maxLength: 3 }),
  text: fc.uint8Array({ maxLength: 50 }),
  saysTheLength: fc.boolean(),
  isGranted: fc.boolean(),
  isApart: fc.boolean(),
});

test("frames with any values in them end neither the queue nor the one after it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anySaying, { maxLength: 4 }), async (sayings) => {
      const target = new Target();
      await target.world.disk.files().makeFolder("/spool", 0o700);
      await target.start(target.world.disk);
      for (const saying of sayings) {
        const msgid = (saying.isGranted ? target.msgids.pop() : undefined) ?? "0badf00d";
        const { text: bytes, isApart } = saying;
        if (isApart) await target.says({ kind: "blob-write", msgid, text: [bytes] });
        const textBytes = saying.saysTheLength ? bytes.length : saying.message.textBytes;
        const envelopes = saying.envelopes.map((envelope, index) => ({
          ...envelope,
          evpid: `${msgid}0000000${index}`,
        }));
        const message = { ...saying.message, msgid, textBytes };
        const text: CarriedText = isApart ? { kind: "apart" } : { kind: "inline", bytes };
        await target.says({ kind: "accept", message, envelopes, text });
        await target.says({ kind: "text-read", attempt: 1, offset: 2 ** 40, length: 2 ** 31 });
        await target.says({ kind: "results", attempt: 99, results: [] });
      }
      await target.world.clock.advance(MINUTE_MS);
      await target.looksAtAll();
      // The next queue reads what this one wrote.
      target.door?.lost();
      await target.world.clock.runUntilSettled(
        target.queue?.stop() ?? Promise.resolve(),
        MINUTE_MS,
      );
      target.msgids = [];
      await target.start(target.world.disk);
      await target.looksAtAll();
      await sendsHonestMail(target);
    }),
    { numRuns: 150 },
  );
});

async function sendsHonestMail(target: Target): Promise<void> {
  const msgid = target.msgids.pop() ?? "";
  const bytes = Buffer.from("Subject: x\r\n\r\nx\r\n");
  const message: Message = {
    msgid,
    acceptedAtMs: target.world.clock.wallMs(),
    reversePath: "a@example.test",
    origin: {
      kind: "smtp",
      address: "198.51.100.7",
      hostname: "c.test",
      helo: "c.test",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes: bytes.length,
    is8bit: false,
    terms: undefined,
  };
  const envelope: Envelope = {
    evpid: `${msgid}00000001`,
    forwardPath: "b@example.test",
    terms: undefined,
    destination: "b@example.test",
    action: "d",
    transport: { kind: "mda", user: "b", extension: "" },
    rule: "smtpd.conf:1",
    trail: [],
    ttlMs: MINUTE_MS,
  };
  const text: CarriedText = { kind: "inline", bytes };
  await target.says({ kind: "accept", message, envelopes: [envelope], text });
  const receipt = target.said.findLast((each) => each.kind === "receipt" && each.msgid === msgid);
  assert.deepEqual(receipt, { kind: "receipt", msgid, outcome: "accepted" });
}
