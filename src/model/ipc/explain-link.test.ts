import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decode, encode } from "#base/codec.ts";
import type { ExplainQuestion } from "#model/explanation.ts";
import { explainAnswerCodec, explainQuestionCodec, questionFault } from "./explain-link.ts";
import { controlRequestCodec } from "./control-link.ts";

// Whole explanations travel in test/explain.

/** Of processes/control-client.ts, which is on a higher floor. */
const MAX_REQUEST_BYTES = 8 * 1024;

/** Short ones, and those around the bound. */
const TEXT = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.integer({ min: 390, max: 402 }).map((length) => "x".repeat(length)),
);
const MAYBE = fc.option(TEXT, { nil: undefined });

const QUESTION: fc.Arbitrary<ExplainQuestion> = fc.record(
  {
    reversePath: TEXT,
    forwardPaths: fc.array(TEXT, { maxLength: 11 }),
    source: MAYBE,
    helo: MAYBE,
    reverseName: MAYBE,
    username: TEXT,
    localUser: TEXT,
    tls: fc.boolean(),
    listener: MAYBE,
    sizeBytes: fc.nat(),
    dns: fc.boolean(),
  },
  { noNullPrototype: true },
);

test("a question without a fault travels, and one with a fault would not", () => {
  fc.assert(
    fc.property(QUESTION, (question) => {
      const bytes = (): Uint8Array => encode(explainQuestionCodec, question);
      if (questionFault(question) === undefined)
        assert.deepEqual(decode(explainQuestionCodec, bytes()), {
          kind: "decoded",
          value: question,
        });
      else assert.throws(bytes, RangeError);
    }),
  );
});

test("the largest question fits in a request", () => {
  const long = "x".repeat(400);
  const question: ExplainQuestion = {
    reversePath: long,
    forwardPaths: Array.from({ length: 10 }, () => long),
    source: long,
    helo: long,
    reverseName: long,
    username: long,
    localUser: long,
    tls: true,
    listener: long,
    sizeBytes: Number.MAX_SAFE_INTEGER,
    dns: true,
  };
  assert.equal(questionFault(question), undefined);
  const request = encode(controlRequestCodec, { kind: "explain", question });
  assert.ok(request.length < MAX_REQUEST_BYTES, String(request.length));
});

test("bytes that are no answer are a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (input) => {
      const decoded = decode(explainAnswerCodec, input);
      if (decoded.kind !== "decode-fault") assert.equal(decoded.value.kind, "explain-fault");
    }),
  );
});
