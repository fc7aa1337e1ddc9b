/**
 * The line that begins a message in an mbox: `From SENDER DATE`, the date as asctime(3)
 * writes it, in UTC.
 *
 * No blank or control character can come from an address: it would end the address, or
 * the line. Source: RFC 4155, appendix A; mbox(5).
 */

/** Without its line end. */
export function fromLine(reversePath: string, atMs: number): string {
  const sender = reversePath === "" ? "MAILER-DAEMON" : reversePath;
  const date = new Date(atMs).toUTCString();
  const [, day = "", month = "", year = "", time = ""] = date.split(" ");
  const asctime = `${date.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
  return `From ${sender.replaceAll(/[\p{Cc}\p{Z}]/gu, "?")} ${asctime}`;
}
