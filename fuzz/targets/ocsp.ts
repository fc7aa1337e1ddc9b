/** Responses of OCSP and certificates: read or refused, never thrown at, in bounded work. */
import { parseCertificate } from "#protocols/ocsp/certificate.ts";
import { parseOcspResponse } from "#protocols/ocsp/ocsp-response.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

/** A certificate ID of SHA-1, "good", one time. */
const CERT_ID = "0\x150\x09\x06\x05+\x0e\x03\x02\x1a\x05\0\x04\x01n\x04\x01k\x02\x02\x01\x02";
const TIME = "\x18\x0f20270101000000Z";
const ANSWER = `0${sized(`${CERT_ID}\x80\0${TIME}`)}`;
const BODY = `0${sized(`\xa2\x03\x04\x01h${TIME}0${sized(ANSWER)}`)}`;
const BASIC = `0${sized(`${BODY}0\x0a\x06\x08*\x86H\xce=\x04\x03\x02\x03\x02\0s`)}`;
const HELD = `0${sized(`\x06\x09+\x06\x01\x05\x05\x07\x30\x01\x01\x04${sized(BASIC)}`)}`;

export const ocsp: FuzzTarget = {
  name: "ocsp",
  words: [
    "0\x80",
    "\x82\xff\xff",
    "\xa0\x03",
    "\xa1",
    "\x80\0",
    "\x04\x01",
    TIME,
    CERT_ID,
    "\x17\x0d",
  ],
  seeds: () => [`0${sized(`\x0a\x01\0\xa0${sized(HELD)}`)}`, "0\x03\x0a\x01\x03", BODY, BASIC],
  run: (input) => {
    parseOcspResponse(input);
    parseCertificate(input);
  },
};

function sized(content: string): string {
  const { length } = content;
  const size = length < 128 ? [length] : [0x81, length];
  return String.fromCharCode(...size) + content;
}
