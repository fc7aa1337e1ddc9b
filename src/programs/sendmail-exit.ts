/** How sendmail(8) ends. Source: sysexits(3); sendmail(8). */

export const EXIT = {
  ok: 0,
  /** The command line. */
  usage: 64,
  /** The message: an address, its size, its form. */
  data: 65,
  noUser: 67,
  /** This machine has no name, or there is no such host. */
  noHost: 68,
  /** Nothing takes the message now. It is the caller's still. */
  unavailable: 69,
  software: 70,
  /** A file that the system must have or make. */
  osError: 71,
  /** Not sent yet, but kept: it will leave. Sendmail's meaning of it, and OpenSMTPD's. */
  queued: 75,
  noPermission: 77,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** For a refusal with this status of RFC 3463, which may be "". */
export function exitOfRefusal(status: string): ExitStatus {
  const [, subject, detail] = status.split(".");
  if (subject === "1") return ADDRESS_EXITS.get(detail ?? "") ?? EXIT.data;
  if (subject === "6" || status === "5.3.4" || status === "5.2.3") return EXIT.data;
  return subject === "7" ? EXIT.noPermission : EXIT.unavailable;
}

/** RFC 3463 §3.2: what an address can have wrong. */
const ADDRESS_EXITS: ReadonlyMap<string, ExitStatus> = new Map<string, ExitStatus>([
  ["1", EXIT.noUser],
  ["2", EXIT.noHost],
  ["6", EXIT.noUser],
]);
