/**
 * `trace mask`: entries without who the recipients were. Of an address its domain stays, of
 * what servers said everything but the addresses in it; users and what stood in lists go.
 * Nothing can be found by a masked address: it is not kept in another form either.
 */
import { unreachable } from "#base/unreachable.ts";
import type { TraceEntry, TracedRecipient } from "#model/trace.ts";

const MASK = "*";
/** What stands before an `@`, quoted or not. */
const LOCAL_PARTS = /(?:"[^"]*"|[^\s<>"'(),:;[\]@]+)@/gu;

export function masked(entry: TraceEntry): TraceEntry {
  switch (entry.kind) {
    case "accepted":
      return { ...entry, recipients: entry.recipients.map(maskedRecipient) };
    case "attempt":
      // A path has the user's name in it, and so may what is said of it.
      return entry.remote.startsWith("/")
        ? { ...entry, remote: "", diagnostic: "" }
        : { ...entry, diagnostic: maskedText(entry.diagnostic) };
    case "expired":
    case "held":
      return { ...entry, diagnostic: maskedText(entry.diagnostic) };
    case "waited":
    case "removed":
    case "ordered":
    case "reported":
    case "unreported":
    case "recovered":
    case "missing":
      return entry;
    default:
      return unreachable(entry);
  }
}

function maskedRecipient(recipient: TracedRecipient): TracedRecipient {
  const { forwardPath, destination, user, trail } = recipient;
  return {
    ...recipient,
    forwardPath: maskedAddress(forwardPath),
    destination: maskedAddress(destination),
    user: user === "" ? "" : MASK,
    trail: trail.map((step) => ({
      ...step,
      key: step.key === "" ? "" : MASK,
      source: step.by === "forward-file" ? MASK : step.source,
    })),
  };
}

function maskedAddress(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? MASK : MASK + address.slice(at);
}

/** Local parts that a server repeats are gone; whatever else it says stays. */
function maskedText(text: string): string {
  return text.replaceAll(LOCAL_PARTS, `${MASK}@`);
}
