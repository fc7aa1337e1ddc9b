/**
 * Dates as mail headers write them. Pure: the same milliseconds give the same text
 * on every machine. Always +0000, whatever the machine's zone: OpenSMTPD writes
 * local time, which needs the system's zone tables and tells where a server stands.
 * ECMA-262 fixes what toUTCString writes, down to the digit.
 *
 * Source: RFC 5322 §3.3.
 */

/** `Mon, 04 Jan 2021 09:00:00 +0000` for milliseconds since 1970-01-01T00:00:00Z. */
export function formatDate(wallMs: number): string {
  return new Date(wallMs).toUTCString().replace("GMT", "+0000");
}
