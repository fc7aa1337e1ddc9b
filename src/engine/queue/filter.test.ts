import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { decode, encode } from "#base/codec.ts";
import { NO_FILTER, type QueueFilter, queueFilterCodec } from "#model/queue-filter.ts";
import { domainOf } from "#protocols/mail/address.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { compileFilter } from "./filter.ts";
import type { QueuedEnvelope } from "./show.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const MESSAGE = { ...messageOf("0000000a", 1), acceptedAtMs: NOW_MS - HOUR_MS };
const QUEUED: QueuedEnvelope = {
  message: { ...MESSAGE, reversePath: "News+7@Bulk.Example" },
  envelope: {
    ...localEnvelope("0000000a", "Out", "bob"),
    forwardPath: "team@Lists.Example",
    destination: "bob@Mail.Example.org",
  },
  reason: { kind: "limit", name: "mta max-conn-per-host", max: 10 },
  retryCount: 3,
  lastTryAtMs: NOW_MS - 60_000,
  expiresAtMs: NOW_MS + HOUR_MS,
  lastError: "451 4.7.1 Greylisted by spamhaus, try later",
  route: "relay Out mail.example.org",
};

function means(some: Partial<QueueFilter>, queued: QueuedEnvelope = QUEUED): boolean {
  return compileFilter({ ...NO_FILTER, ...some }).matches(queued, NOW_MS);
}

const CASES: readonly (readonly [filter: Partial<QueueFilter>, is: boolean])[] = [
  [{}, true],
  [{ from: [{ kind: "address", address: "news+7@bulk.example" }] }, true],
  [{ from: [{ kind: "address", address: "news@bulk.example" }] }, false],
  [{ from: [{ kind: "address", address: "*+*@*.example" }] }, true],
  [{ from: [{ kind: "domain", domain: "BULK.example" }] }, true],
  [{ from: [{ kind: "domain", domain: "*.bulk.example" }] }, false],
  [{ from: [{ kind: "local-part", localPart: "news*" }] }, true],
  [{ from: [{ kind: "null" }] }, false],
  [{ from: [{ kind: "null" }, { kind: "domain", domain: "*.example" }] }, true],
  [{ to: [{ kind: "address", address: "team@lists.example" }] }, true],
  [{ to: [{ kind: "address", address: "bob@mail.example.org" }] }, true],
  [{ to: [{ kind: "local-part", localPart: "alice" }] }, false],
  [{ domains: ["mail.example.org"] }, true],
  [{ domains: ["*.example.org"] }, true],
  [{ domains: ["lists.example"] }, false],
  [{ domains: ["example.org", "*.org"] }, true],
  [{ actions: ["out"] }, true],
  [{ actions: ["in"] }, false],
  [{ routes: ["relay out *"] }, true],
  [{ routes: ["relay out"] }, false],
  [{ reasons: ["limit*"] }, true],
  [{ reasons: ["limit mta max-conn-per-host"] }, true],
  [{ reasons: ["retry"] }, false],
  [{ errors: ["*SPAMHAUS*"] }, true],
  [{ errors: ["spamhaus"] }, false],
  [{ state: "pending" }, true],
  [{ state: "inflight" }, false],
  [{ olderThanMs: HOUR_MS - 1 }, true],
  [{ olderThanMs: HOUR_MS }, false],
  [{ newerThanMs: HOUR_MS + 1 }, true],
  [{ newerThanMs: HOUR_MS }, false],
  [{ domains: ["mail.example.org"], reasons: ["retry"] }, false],
];

describe("A filter", () => {
  for (const [filter, is] of CASES) {
    test(`of ${JSON.stringify(filter)} ${is ? "means" : "does not mean"} the envelope`, () => {
      assert.equal(means(filter), is);
    });
  }

  test("of the null sender means bounces", () => {
    const bounce = { ...QUEUED, message: { ...MESSAGE, reversePath: "" } };
    assert.equal(means({ from: [{ kind: "null" }] }, bounce), true);
    assert.equal(means({ from: [{ kind: "domain", domain: "*" }] }, bounce), false);
  });

  test("takes no time that grows with the square of hostile text and pattern", () => {
    const hostile = { ...QUEUED, lastError: "a".repeat(2000) };
    const startedMs = performance.now();
    assert.equal(means({ errors: [`${"*a".repeat(250)}*b`] }, hostile), false);
    assert.ok(performance.now() - startedMs < 1000, "a second for one pattern");
  });

  const anyDomain = fc.constantFrom("*", "a.example", "*.example", "a*", "B.example", "", "*a*b*");
  const anyAddress = fc
    .tuple(
      fc.constantFrom("", "u", "a@b"),
      fc.constantFrom("", "a.example", "A.Example", "x.a.example"),
    )
    .map(([localPart, domain]) => (domain === "" ? localPart : `${localPart}@${domain}`));

  test("passes over no domain that has an envelope which it means", () => {
    fc.assert(
      fc.property(fc.array(anyDomain, { maxLength: 3 }), anyAddress, (domains, destination) => {
        const filter = compileFilter({ ...NO_FILTER, domains });
        const queued = { ...QUEUED, envelope: { ...QUEUED.envelope, destination } };
        if (filter.matches(queued, NOW_MS)) assert.ok(filter.mayGoTo(domainOf(destination)));
      }),
    );
  });

  test("is the same after it has travelled", () => {
    const pattern = fc.string({ maxLength: 20 }).map((text) => text.toWellFormed());
    const patterns = fc.array(pattern, { maxLength: 16 });
    const address = fc.oneof(
      fc.constant({ kind: "null" } as const),
      pattern.map((domain) => ({ kind: "domain", domain }) as const),
      pattern.map((localPart) => ({ kind: "local-part", localPart }) as const),
      pattern.map((text) => ({ kind: "address", address: text }) as const),
    );
    const ageMs = fc.option(fc.maxSafeNat(), { nil: undefined });
    const anyFilter: fc.Arbitrary<QueueFilter> = fc.record({
      from: fc.array(address, { maxLength: 16 }),
      to: fc.array(address, { maxLength: 16 }),
      domains: patterns,
      routes: patterns,
      actions: patterns,
      reasons: patterns,
      errors: patterns,
      state: fc.constantFrom("pending" as const, "inflight" as const, undefined),
      olderThanMs: ageMs,
      newerThanMs: ageMs,
    });
    fc.assert(
      fc.property(anyFilter, (made) => {
        const filter = { ...made };
        const decoded = decode(queueFilterCodec, encode(queueFilterCodec, filter));
        assert.deepEqual(decoded, { kind: "decoded", value: filter });
      }),
    );
  });
});
