/** Paths of MAIL and RCPT: what is taken is printable, bounded, and the same when it is read again. */
import assert from "node:assert/strict";
import { formatAddress, parseAddress, parsePath } from "#protocols/mail/address.ts";
import { parseAddressList } from "#protocols/mail/address-list.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

export const addresses: FuzzTarget = {
  name: "addresses",
  words: [
    "<",
    ">",
    "@",
    ":",
    ",",
    '"',
    "\\",
    "[IPv6:::1]",
    "[192.0.2.1]",
    "xn--",
    "é",
    "postmaster",
  ],
  seeds: () => ["<a@b.example>", "<>", '<"a b"@b.example>', "<@x,@y:a@b.example>", "a@[192.0.2.1]"],
  run: (input) => {
    for (const encoding of ["latin1", "utf8"] as const) {
      const text = input.toString(encoding);
      const path = parsePath(text, 0, "mx.example");
      if ("end" in path) assert.ok(path.end <= text.length);
      const address = parseAddress(text, "mx.example");
      if (!("kind" in address)) {
        const written = formatAddress(address);
        assert.doesNotMatch(written, /[\r\n\0]/);
        assert.deepEqual(parseAddress(written, "mx.example"), address, written);
      }
      parseAddressList(text);
    }
  },
};
