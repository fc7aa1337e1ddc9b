import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { deferred, delivered, evpidOf, held, mail } from "#test/crash/mail.ts";
import { Ledger } from "./ledger.ts";
import type { RecordEntry, TextStamp } from "./record-entries.ts";
import { emptySegment, type Segment } from "./segment.ts";
import { untried } from "./unfinished.ts";

const RECIPIENTS = 3;
const TEXT: TextStamp = {
  bytes: 700,
  checksum: 1,
  inBlob: false,
  form: "raw",
  storedBytes: 700,
  keyId: undefined,
};

type Deed = "accept" | "restate" | "defer" | "hold" | "deliver";
const deed = fc.record({
  what: fc.constantFrom<Deed>("accept", "restate", "defer", "hold", "deliver", "deliver"),
  message: fc.integer({ min: 1, max: 6 }),
  envelope: fc.integer({ min: 1, max: RECIPIENTS }),
  segment: fc.integer({ min: 1, max: 4 }),
});

function segmentOf(sequence: number): Segment {
  const mark = new Uint8Array(8);
  const header = { sequence, mark, previous: undefined, encryption: undefined };
  return emptySegment(`${sequence}.seg`, header, 1e6, undefined);
}

/** What a plain map of the open envelopes says. */
class Model {
  readonly open = new Map<string, Set<string>>();

  entry({
    what,
    message,
    envelope,
  }: {
    what: Deed;
    message: number;
    envelope: number;
  }): RecordEntry {
    const one = mail(message, { recipients: RECIPIENTS });
    const { msgid } = one.message;
    const evpid = evpidOf(one, envelope);
    const open = this.open.get(msgid);
    if (what === "accept" && open === undefined) {
      this.open.set(msgid, new Set(one.envelopes.map((each) => each.evpid)));
      return { kind: "accepted", ...one, text: TEXT };
    }
    if (what === "restate" && open !== undefined) {
      const left = one.envelopes.filter((each) => open.has(each.evpid)).map(untried);
      return {
        kind: "restated",
        message: one.message,
        envelopes: left,
        text: TEXT,
      };
    }
    if (what === "defer") return deferred(evpid, 1) as RecordEntry;
    if (what === "hold") return held(evpid, true) as RecordEntry;
    open?.delete(evpid);
    if (open?.size === 0) this.open.delete(msgid);
    return delivered(evpid) as RecordEntry;
  }
}

test("the ledger knows which envelopes are open, and what lives in each segment, to the byte", () => {
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 80 }), (deeds) => {
      const ledger = new Ledger();
      const model = new Model();
      const segments = [1, 2, 3, 4].map(segmentOf);
      for (const [at, one] of deeds.entries()) {
        const segment = segments[one.segment - 1];
        if (segment === undefined) continue;
        ledger.apply([model.entry(one)], { segment, at: 4096 + at * 1000, bytes: 900 + at });
      }
      assert.equal(ledger.messages, model.open.size);
      const lives = new Map<Segment, { bytes: number; messages: number }>();
      for (const [msgid, open] of model.open) {
        const message = ledger.get(msgid);
        assert.equal(message?.openEnvelopes, open.size);
        for (const evpid of open) assert.ok(ledger.envelope(evpid) !== undefined);
        const before = lives.get(message.segment) ?? { bytes: 0, messages: 0 };
        const { bytes, messages } = before;
        lives.set(message.segment, { bytes: bytes + message.bytes, messages: messages + 1 });
      }
      for (const segment of segments) {
        const { bytes, messages } = lives.get(segment) ?? { bytes: 0, messages: 0 };
        assert.deepEqual([segment.liveBytes, segment.liveMessages], [bytes, messages]);
      }
      const records = [...ledger.recordsBetween({ sequence: 0, at: 0 }, { sequence: 9, at: 0 })];
      assert.equal(records.length, model.open.size);
    }),
  );
});

test("a checkpoint's knowledge of a message is the same, changed, or of another record", () => {
  const ledger = new Ledger();
  const segment = segmentOf(1);
  const one = mail(1, { recipients: 2 });
  ledger.apply([{ kind: "accepted", ...one, text: TEXT }], { segment, at: 4096, bytes: 900 });
  const live = ledger.get(one.message.msgid);
  assert.ok(live !== undefined);
  const evpids = one.envelopes.map(({ evpid }) => evpid);
  const known = ledger.known(live, evpids);
  assert.equal(ledger.compare(known), "same");
  const copy = new Ledger();
  copy.startFrom({ sequence: 1, at: 4996 }, [segmentOf(1)]);
  copy.restore(known);
  assert.equal(copy.compare(known), "same");
  assert.deepEqual(copy.known(live, evpids), known);
  ledger.apply([deferred(evpidOf(one), 1) as RecordEntry], { segment, at: 5000, bytes: 90 });
  assert.equal(ledger.compare(known), "changed");
  const now = ledger.known(live, evpids);
  ledger.apply([held(evpidOf(one), true) as RecordEntry], { segment, at: 5100, bytes: 90 });
  assert.equal(ledger.compare(now), "changed");
  const restated = {
    kind: "restated",
    message: one.message,
    envelopes: one.envelopes.map(untried),
    text: TEXT,
  } as const;
  ledger.apply([restated], { segment, at: 6000, bytes: 900 });
  assert.equal(ledger.compare(now), "elsewhere");
  assert.equal(segment.liveMessages, 1);
});
