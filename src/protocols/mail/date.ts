/**
 * Dates as mail headers write them. Pure: the same milliseconds give the same text
 * on every machine. Always +0000, whatever the machine's zone: OpenSMTPD writes
 * local time, which needs the system's zone tables and tells where a server stands.
 *
 * Source: RFC 5322 §3.3.
 */
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

/** `Mon, 04 Jan 2021 09:00:00 +0000` for milliseconds since 1970-01-01T00:00:00Z. */
export function formatDate(wallMs: number): string {
  const when = new Date(wallMs);
  const day = two(when.getUTCDate());
  const month = MONTHS[when.getUTCMonth()];
  const time = `${two(when.getUTCHours())}:${two(when.getUTCMinutes())}:${two(when.getUTCSeconds())}`;
  return `${DAYS[when.getUTCDay()]}, ${day} ${month} ${when.getUTCFullYear()} ${time} +0000`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
