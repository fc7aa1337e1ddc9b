/** Faults of the network in words that people know. */
import type { NetworkFault } from "#base/ports/network.ts";

/** A fault in the words of the system. */
export function wordsOf(fault: NetworkFault): string {
  return FAULT_WORDS[fault.code] ?? `Network error: ${fault.code}`;
}

const FAULT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EPIPE: "Connection reset by peer",
  ETIMEDOUT: "Connection timed out",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ENOENT: "No such socket",
  EACCES: "Permission denied",
};
