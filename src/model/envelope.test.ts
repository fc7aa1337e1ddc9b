import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { type Envelope, envelopeCodec, MAX_TRAIL_STEPS, NO_TRAIL } from "./envelope.ts";

const PLAIN: Envelope = {
  evpid: "0000000a00000001",
  forwardPath: "team@example.org",
  destination: "team@example.org",
  action: "out",
  transport: { kind: "mta" },
  rule: "smtpd.conf:9",
  trail: NO_TRAIL,
  terms: undefined,
  ttlMs: 345_600_000,
};
const STEP = { by: "alias", source: "aliases", key: "team", rule: "smtpd.conf:7" } as const;

const CASES: readonly (readonly [name: string, envelope: Envelope])[] = [
  ["a relayed one", PLAIN],
  ["a local one", { ...PLAIN, transport: { kind: "mda", user: "bob", extension: "" } }],
  ["one with a sub-address", { ...PLAIN, transport: { kind: "mda", user: "bob", extension: "x" } }],
  ...(["pipe", "file"] as const).map(
    (kind) =>
      [
        `one for a ${kind} of a list`,
        {
          ...PLAIN,
          transport: { kind: "mda", user: "bob", extension: "x", listed: { kind, text: "/bin/x" } },
          trail: [STEP],
        },
      ] as const,
  ),
  [
    "one that lists led to",
    {
      ...PLAIN,
      trail: [
        { ...STEP, by: "virtual" },
        STEP,
        { ...STEP, by: "include", source: "/etc/mail/team", key: "" },
        { ...STEP, by: "forward-file", source: "bob", key: "" },
      ],
    },
  ],
  [
    "one with the longest way",
    { ...PLAIN, trail: Array.from({ length: MAX_TRAIL_STEPS }, () => STEP) },
  ],
];

for (const [name, envelope] of CASES) {
  test(`envelope, ${name}, is read back as it was written`, () => {
    const decoded = decode(envelopeCodec, encode(envelopeCodec, envelope));
    assert.deepEqual(decoded, { kind: "decoded", value: envelope });
  });
}

test("a way that is too long is a fault to read, and a bug to write", () => {
  const trail = Array.from({ length: MAX_TRAIL_STEPS + 1 }, () => STEP);
  assert.throws(() => encode(envelopeCodec, { ...PLAIN, trail }), RangeError);
  const bytes = encode(envelopeCodec, PLAIN);
  const at = bytes.length - 9; // before the 8 bytes of the time to live
  assert.equal(bytes[at], 0, "an empty way is one byte");
  bytes[at] = MAX_TRAIL_STEPS + 1;
  assert.equal(decode(envelopeCodec, bytes).kind, "decode-fault");
});
