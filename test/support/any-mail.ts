/** Messages and what belongs to their envelopes, each field with whatever may be in it: for properties. */
import * as fc from "fast-check";
import type { Envelope, Message } from "#model/envelope.ts";

export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("", "a", "bounces+x=1@lists.example", "señor@example.org"),
  fc.string({ maxLength: 40, unit: "grapheme" }),
);

export const anyMessage: fc.Arbitrary<Omit<Message, "msgid">> = fc.record({
  acceptedAtMs: fc.nat(2 ** 41),
  reversePath: anyText,
  origin: fc.record({
    kind: fc.constantFrom("smtp", "local", "internal"),
    address: fc.constantFrom("192.0.2.1", "2001:db8::1", "local"),
    hostname: anyText,
    fcrdns: fc.constantFrom("pass", "fail", "error"),
    helo: anyText,
    tag: anyText,
    username: anyText,
    tls: fc.option(
      fc.record({
        version: fc.constant("TLSv1.3"),
        cipher: anyText,
        bits: fc.nat(256),
        verified: fc.boolean(),
        fingerprints: fc.array(anyText, { maxLength: 2 }),
      }),
      { nil: undefined },
    ),
  }),
  textBytes: fc.nat(),
  is8bit: fc.boolean(),
  terms: fc.option(
    fc.record({
      isBinary: fc.boolean(),
      utf8: fc.boolean(),
      tls: fc.constantFrom("by-policy", "required", "optional"),
      returns: fc.constantFrom("full", "headers", undefined),
      envelopeId: anyText,
      deliverBy: fc.constantFrom(undefined, { atMs: 5, mode: "return", trace: true } as const),
      holdUntilMs: fc.nat(),
      priority: fc.integer({ min: -9, max: 9 }),
    }),
    { nil: undefined },
  ),
});

export const anyPlan: fc.Arbitrary<
  Pick<Envelope, "action" | "transport" | "rule" | "trail" | "ttlMs">
> = fc.record({
  action: fc.constantFrom("out", "local", "maß"),
  transport: fc.oneof(
    fc.constant({ kind: "mta" } as const),
    fc.record({ kind: fc.constant("mda" as const), user: anyText, extension: anyText }),
    fc.record({
      kind: fc.constant("mda" as const),
      user: anyText,
      extension: anyText,
      listed: fc.record({ kind: fc.constantFrom("pipe", "file"), text: anyText }),
    }),
  ),
  rule: fc.constantFrom("smtpd.conf:1", "smtpd.conf:2"),
  trail: fc.array(
    fc.record({
      by: fc.constantFrom("alias", "virtual", "include", "forward-file"),
      source: anyText,
      key: anyText,
      rule: anyText,
    }),
    { maxLength: 2 },
  ),
  ttlMs: fc.nat(1e9),
});

export const anyRecipient: fc.Arbitrary<Pick<Envelope, "forwardPath" | "destination" | "terms">> =
  fc.record({
    forwardPath: anyText,
    destination: anyText,
    terms: fc.constantFrom(undefined, {
      notify: ["delay" as const],
      originalRecipient: "rfc822;x@y.example",
    }),
  });
