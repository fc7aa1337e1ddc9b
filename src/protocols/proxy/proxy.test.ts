import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ProxyHeader } from "./header.ts";
import { MAX_VERSION_1_BYTES, readVersion1 } from "./version-1.ts";
import { MAX_VERSION_2_BYTES, readVersion2 } from "./version-2.ts";

const LINES = [
  ["PROXY TCP4 192.0.2.7 198.51.100.25 4025 25\r\n", "192.0.2.7:4025 198.51.100.25:25"],
  ["PROXY TCP6 2001:db8::7 2001:DB8::25 4025 25\r\n", "2001:db8::7:4025 2001:db8::25:25"],
  ["PROXY UNKNOWN\r\n", "unknown"],
  ["PROXY UNKNOWN ffff:f…ffff 65535\r\n".replace("…", ":"), "unknown"],
  ["PROXY TCP4 127.0.0.1 198.51.100.25 4025 25\r\n", "fault"],
  ["PROXY TCP4 0.0.0.0 198.51.100.25 4025 25\r\n", "fault"],
  ["PROXY TCP6 ::1 2001:db8::25 4025 25\r\n", "fault"],
  ["PROXY TCP6 ::ffff:127.0.0.1 2001:db8::25 4025 25\r\n", "fault"],
  ["PROXY TCP4 192.0.2.7 198.51.100.25 4025 25\n", "fault"],
  ["PROXY TCP4 192.0.2.7 198.51.100.25 04025 25\r\n", "fault"],
  ["PROXY TCP4 192.0.2.7 198.51.100.25 65536 25\r\n", "fault"],
  ["PROXY TCP4  192.0.2.7 198.51.100.25 4025 25\r\n", "fault"],
  ["PROXY TCP4 192.0.2.7 198.51.100.25 4025\r\n", "fault"],
  ["PROXY TCP4 192.0.2.07 198.51.100.25 4025 25\r\n", "fault"],
  ["PROXY TCP4 2001:db8::7 2001:db8::25 4025 25\r\n", "fault"],
  ["PROXY UDP4 192.0.2.7 198.51.100.25 4025 25\r\n", "fault"],
  ["proxy TCP4 192.0.2.7 198.51.100.25 4025 25\r\n", "fault"],
  ["EHLO client.example\r\n", "fault"],
  [`PROXY TCP4 ${"1".repeat(MAX_VERSION_1_BYTES)}`, "fault"],
] as const;

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A header of version 2 with `block` behind its length. */
function version2(command: number, family: number, block: string, length?: number): Buffer {
  const bytes = Buffer.from(block, "hex");
  const fixed = Buffer.from([command, family, 0, 0]);
  fixed.writeUInt16BE(length ?? bytes.length, 2);
  return Buffer.concat([SIGNATURE, fixed, bytes]);
}

const INET = "c0000207c633641911390019".replace("1139", "0fb9");
const HEADERS = [
  ["IPv4", version2(0x21, 0x11, INET), "192.0.2.7:4025 198.51.100.25:25"],
  [
    "IPv4 with extensions",
    version2(0x21, 0x11, `${INET}0400010000`),
    "192.0.2.7:4025 198.51.100.25:25",
  ],
  [
    "IPv6",
    version2(0x21, 0x21, `${"20010db8".padEnd(31, "0")}7${"20010db8".padEnd(31, "0")}80fb90019`),
    "2001:db8::7:4025 2001:db8::8:25",
  ],
  [
    "an IPv4-mapped address",
    version2(0x21, 0x21, `${"0".repeat(20)}ffffc0000207${"0".repeat(20)}ffffc63364190fb90019`),
    "192.0.2.7:4025 198.51.100.25:25",
  ],
  ["LOCAL", version2(0x20, 0x00, ""), "unknown"],
  ["LOCAL with addresses", version2(0x20, 0x11, INET), "unknown"],
  ["UNSPEC", version2(0x21, 0x00, "00"), "unknown"],
  ["a UNIX-domain client", version2(0x21, 0x31, "00".repeat(216)), "unknown"],
  ["a short UNIX path", version2(0x21, 0x31, "00".repeat(108)), "fault"],
  ["a datagram", version2(0x21, 0x12, INET), "fault"],
  ["an unknown family", version2(0x21, 0x41, INET), "fault"],
  ["version 3", version2(0x31, 0x11, INET), "fault"],
  ["version 1", version2(0x11, 0x11, INET), "fault"],
  ["an unknown command", version2(0x22, 0x11, INET), "fault"],
  ["addresses that are too short", version2(0x21, 0x11, INET.slice(2)), "fault"],
  ["a header that is too long", version2(0x21, 0x11, INET, 65_535), "fault"],
  ["a loopback client (REL-06)", version2(0x21, 0x11, `7f000001${INET.slice(8)}`), "fault"],
  [
    "another signature",
    Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\r"), Buffer.alloc(9)]),
    "fault",
  ],
] as const;

function outcome(header: ProxyHeader): string {
  if (header.kind !== "header") return header.kind;
  if (header.ends === undefined) return "unknown";
  const { remote, local } = header.ends;
  const text = [remote, local].map((end) => (end.kind === "tcp" ? `${end.host}:${end.port}` : ""));
  return text.join(" ");
}

/** What `read` says of `wire`, of all of which it must need every octet. */
function check(read: (bytes: Buffer) => ProxyHeader, wire: Buffer, expected: string): void {
  const whole = read(wire);
  assert.equal(outcome(whole), expected);
  const more = read(Buffer.concat([wire, Buffer.from("EHLO x\r\n")]));
  if (expected === "fault") return;
  assert.equal(outcome(more), expected);
  assert.equal(more.kind === "header" ? more.length : 0, wire.length);
  for (let length = 0; length < wire.length; length++)
    assert.equal(read(wire.subarray(0, length)).kind, "more", `${length} octets`);
}

for (const [line, expected] of LINES) {
  test(`PROXY version 1 reads ${JSON.stringify(line)} as ${expected}`, () => {
    check(readVersion1, Buffer.from(line, "latin1"), expected);
  });
}

for (const [name, wire, expected] of HEADERS) {
  test(`REL-05: PROXY version 2 reads ${name} as ${expected}`, () =>
    check(readVersion2, wire, expected));
}

test("PROXY headers are read without a throw, and within their bounds, whatever comes", () => {
  const beginnings = fc.constantFrom(Buffer.from("PROXY TCP4 "), SIGNATURE, Buffer.alloc(0));
  fc.assert(
    fc.property(beginnings, fc.uint8Array({ maxLength: 3000 }), (beginning, noise) => {
      const bytes = Buffer.concat([beginning, noise]);
      for (const [read, bound] of [
        [readVersion1, MAX_VERSION_1_BYTES],
        [readVersion2, MAX_VERSION_2_BYTES],
      ] as const) {
        const { kind } = read(bytes);
        if (kind === "more") assert.ok(bytes.length < bound);
      }
    }),
  );
});
