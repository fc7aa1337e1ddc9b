/** Answers of the DNS: read or refused, never thrown at, in bounded work. */
import { parseResponse } from "#world/node/dns/dns-message.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const ASKED = { name: "a.example", type: "TLSA" } as const;
/** Of number 1, to that question, with one answer. */
const HEADER = "\0\x01\x81\xa0\0\x01\0\x01\0\0\0\0";
const QUESTION = "\x01a\x07example\0\0\x34\0\x01";
const TLSA = "\xc0\x0c\0\x34\0\x01\0\0\0<\0\x07\x03\x01\x01abcd";
const CNAME = "\xc0\x0c\0\x05\0\x01\0\0\0<\0\x04\x01b\xc0\x0e";

export const dns: FuzzTarget = {
  name: "dns",
  words: ["\xc0\x0c", "\xc0\0", "\x3f", "\0\x10", "\0\x29", "\xff\xff", "\0\x0f", TLSA, CNAME],
  seeds: () => [`${HEADER}${QUESTION}${TLSA}`, `${HEADER}${QUESTION}${CNAME}`, HEADER],
  run: (input) => {
    parseResponse(input, ASKED, 1);
  },
};
