/** PROXY headers: more, a fault or a header; never a change of mind with more octets, nor one beyond the bound. */
import assert from "node:assert/strict";
import { readVersion1 } from "#protocols/proxy/version-1.ts";
import { readVersion2 } from "#protocols/proxy/version-2.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
/** The longest that either version may have. */
const MAX_HEADER_BYTES = 16 + 65_535;

export const proxy: FuzzTarget = {
  name: "proxy",
  words: [
    "PROXY TCP4 ",
    "PROXY TCP6 ",
    "PROXY UNKNOWN",
    "192.0.2.1 ",
    "::1 ",
    " 25 ",
    "65536",
    `${SIGNATURE}\x21\x11\0\x0c`,
    `${SIGNATURE}\x20\0\0\0`,
    "\x21\x21\0\x24",
    "\x21\x31\0\xd8",
  ],
  seeds: () => [
    "PROXY TCP4 192.0.2.7 192.0.2.1 4025 25\r\nEHLO x\r\n",
    "PROXY UNKNOWN\r\n",
    `${SIGNATURE}\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x0f\xb9\0\x19`,
    `${SIGNATURE}\x20\0\0\0`,
  ],
  run: (input) => {
    for (const read of [readVersion1, readVersion2]) {
      const whole = read(input);
      if (whole.kind === "header") {
        assert.ok(whole.length <= Math.min(input.length, MAX_HEADER_BYTES));
        assert.deepEqual(read(input.subarray(0, whole.length)), whole, "not more than it needs");
      }
      for (let length = 0; length < Math.min(input.length, 300); length++) {
        const part = read(input.subarray(0, length));
        if (part.kind === "more") continue;
        assert.equal(part.kind, whole.kind, `after ${length} octets`);
        break;
      }
    }
  },
};
