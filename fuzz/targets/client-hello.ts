/** ClientHello: the same at every split of its octets. */
import assert from "node:assert/strict";
import { ClientHelloReader } from "#protocols/tls/client-hello-reader.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

/** TLS 1.2 and 1.3, one suite, names, schemes, versions. */
function hello(name: string): string {
  const host = `\0${two(name.length)}${name}`;
  const extensions =
    `\0\0${two(host.length + 2)}${two(host.length)}${host}` +
    "\0\x0d\0\x06\0\x04\x04\x03\x08\x04" +
    "\0\x2b\0\x05\x04\x03\x04\x03\x03";
  const body = `\x03\x03${"r".repeat(32)}\0\0\x02\x13\x01\x01\0${two(extensions.length)}${extensions}`;
  const message = `\x01\0${two(body.length)}${body}`;
  return `\x16\x03\x01${two(message.length)}${message}`;
}

function two(length: number): string {
  return String.fromCharCode(length >> 8, length & 255);
}

const EARLY_DATA = Buffer.from("\x17\x03\x03\0\x01x", "latin1");

export const clientHello: FuzzTarget = {
  name: "client-hello",
  words: [
    "\x16\x03\x01",
    "\x01\0",
    "\0\0",
    "\0\x0d",
    "\0\x2b",
    "\xff\xff",
    "\x03\x04",
    "a.example",
    ".",
  ],
  seeds: () => [
    hello("mx.example"),
    hello("a.b.example."),
    "\x16\x03\x01\0\x01\x01\x16\x03\x01\0\x02\0\0",
    "EHLO x\r\n",
  ],
  run: (input) => {
    const whole = readAll([input]);
    // RFC 8446 §2.3: early data may come with the hello.
    const isHello = (whole as { kind: string }).kind === "hello";
    if (isHello) assert.deepEqual(readAll([Buffer.concat([input, EARLY_DATA])]), whole);
    for (const size of sizesFor(input)) {
      // What is behind a hello may come with it or later.
      assert.deepEqual(readAll(piecesOf(input, size)), whole, `pieces of ${size}`);
    }
  },
};

function readAll(pieces: readonly Buffer[]): unknown {
  const reader = new ClientHelloReader();
  let last: unknown = { kind: "more" };
  for (const piece of pieces) {
    const reading = reader.push(piece);
    last = reading;
    if (reading.kind !== "more") break;
  }
  return last;
}
