import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { clientHello, extension, records } from "#test/support/client-hello.ts";
import {
  ClientHelloReader,
  type HelloReading,
  MAX_HELLO_INPUT_BYTES,
} from "./client-hello-reader.ts";

/** Reads `input` in pieces of `size` bytes, as far as it is looked at. */
function read(input: Buffer, size = input.length): HelloReading {
  const reader = new ClientHelloReader();
  for (let at = 0; at < input.length; at += size) {
    const reading = reader.push(input.subarray(at, at + size));
    if (reading.kind !== "more") {
      assert.deepEqual(reader.input, input.subarray(0, reader.input.length));
      return reading;
    }
  }
  return { kind: "more" };
}

const HELLO = clientHello({
  serverName: Buffer.from("MX.Example.org"),
  versions: [0x7a7a, 0x0304, 0x0303],
  cipherSuites: [0x1301, 0xc02b],
  signatureSchemes: [0x0403, 0x0804],
  groups: [0x1a1a, 0x11ec, 29],
  more: extension(0x2a2a, Buffer.alloc(3)),
});
const READ: HelloReading = {
  kind: "hello",
  hello: {
    serverName: "mx.example.org",
    versions: [0x7a7a, 0x0304, 0x0303],
    cipherSuites: [0x1301, 0xc02b],
    signatureSchemes: [0x0403, 0x0804],
    groups: [0x1a1a, 0x11ec, 29],
  },
};

test("ClientHello is read in records of any size, in pieces of any size", () => {
  for (const record of [1, 2, 5, 64, 16_384]) {
    const input = records(HELLO, record);
    for (let size = 1; size <= input.length; size += 7) assert.deepEqual(read(input, size), READ);
  }
});

test("early data that comes with a ClientHello is not looked at", () => {
  const earlyData = Buffer.from([0x17, 3, 3, 0, 1, 0]);
  assert.deepEqual(read(Buffer.concat([records(HELLO), earlyData])), READ);
});

test("ClientHello without extensions has the version of old, and no name", () => {
  const whole = clientHello({ cipherSuites: [0xc02b] });
  const bare = Buffer.concat([whole.subarray(0, -2)]);
  bare.writeUIntBE(bare.length - 4, 1, 3);
  const hello = {
    serverName: undefined,
    versions: [0x0303],
    cipherSuites: [0xc02b],
    signatureSchemes: undefined,
    groups: undefined,
  };
  assert.deepEqual(read(records(bare)), { kind: "hello", hello });
  assert.deepEqual(read(records(whole)), { kind: "hello", hello });
});

test("what is asked for and is no host name is no name", () => {
  for (const name of [
    "",
    "a\0b",
    "a\\",
    "../etc/passwd",
    "*.example",
    "x".repeat(256),
    "a b",
    "ä",
  ]) {
    const reading = read(records(clientHello({ serverName: Buffer.from(name, "latin1") })));
    assert.equal(reading.kind === "hello" && reading.hello.serverName, undefined, name);
  }
});

const FAULTS: readonly (readonly [string, Buffer, string])[] = [
  ["a command", Buffer.from("EHLO a\r\n"), "no-tls"],
  ["an alert", Buffer.from([21, 3, 1, 0, 2, 1, 0]), "no-tls"],
  ["a version of SSL 2", Buffer.from([0x80, 0x2e, 1, 3, 1]), "no-tls"],
  ["an empty record", Buffer.from([22, 3, 1, 0, 0]), "malformed"],
  ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1]), "malformed"],
  ["another handshake message", records(Buffer.from([2, 0, 0, 0])), "malformed"],
  ["a message that is too long", records(Buffer.from([1, 0, 0x40, 1])), "too-long"],
  [
    "another record within",
    Buffer.concat([records(HELLO.subarray(0, 9)), Buffer.from([23, 3])]),
    "malformed",
  ],
  ["no cipher suites", records(clientHello({ cipherSuites: [] })), "malformed"],
  ["a list of groups that is empty", records(clientHello({ groups: [] })), "malformed"],
  ["a list of versions that is empty", records(clientHello({ versions: [] })), "malformed"],
  [
    "an extension that is cut off",
    records(clientHello({ more: Buffer.from([0, 9, 0, 5, 1]) })),
    "malformed",
  ],
];

for (const [what, input, why] of FAULTS) {
  test(`what begins with ${what} is no ClientHello`, () => {
    assert.deepEqual(read(input), { kind: "fault", why });
    assert.deepEqual(read(input, 1), { kind: "fault", why });
  });
}

test("records without end come to one", () => {
  const message = clientHello({ more: extension(99, Buffer.alloc(16_000)) });
  assert.deepEqual(read(records(message, 1), 1000), { kind: "fault", why: "too-long" });
  assert.ok(MAX_HELLO_INPUT_BYTES > message.length, "though one in full records fits");
  assert.equal(read(records(message)).kind, "hello");
});

test("many small records in small pieces cost no more than their octets", () => {
  const message = Buffer.concat([Buffer.from([1, 0x00, 0x3f, 0x00]), Buffer.alloc(3000)]);
  const input = records(message, 1);
  const reader = new ClientHelloReader();
  const fromMs = performance.now();
  for (let at = 0; at < input.length; at++) reader.push(input.subarray(at, at + 1));
  const tookMs = performance.now() - fromMs;
  assert.deepEqual(reader.input, input);
  assert.ok(tookMs < 500, `${input.length} octets took ${tookMs} ms`);
});

test("any bytes are read without a throw, and the same at any split", () => {
  const damaged = fc
    .tuple(fc.nat(HELLO.length - 1), fc.nat(255), fc.constantFrom(1, 30, 16_384))
    .map(([at, byte, record]) => {
      const copy = Buffer.from(HELLO);
      copy[at] = byte;
      return records(copy, record);
    });
  const anything = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, anything), fc.integer({ min: 1, max: 20 }), (input, size) => {
      if (input.length > 0) assert.equal(read(input, size).kind, read(input, 1).kind);
    }),
  );
});
