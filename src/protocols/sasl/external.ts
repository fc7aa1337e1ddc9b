/**
 * EXTERNAL: the client has shown a certificate within TLS, and says here only as whom it
 * wants to act. It must say so: a certificate may be good for several users, and what
 * stands in it was written by whoever signed it. Source: RFC 4422 appendix A.
 */
import { userText } from "./sasl-text.ts";
import {
  type AskedState,
  asked,
  ended,
  type EndedState,
  fail,
  type SaslStep,
} from "./sasl-step.ts";

export function externalResponse(
  fingerprints: readonly string[],
  bytes: Uint8Array,
): SaslStep<AskedState | EndedState> {
  const user = userText(bytes);
  if (user === undefined) return ended(fail("malformed"));
  return asked({ kind: "certificate", user, fingerprints });
}
