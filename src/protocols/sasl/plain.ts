/**
 * PLAIN: `[authzid] NUL authcid NUL passwd` in one response.
 *
 * The authorisation identity is ignored, as OpenSMTPD does: a user acts as himself alone.
 *
 * Source: RFC 4616 §2.
 */
import { passwordText, userText } from "./sasl-text.ts";
import {
  type AskedState,
  asked,
  ended,
  type EndedState,
  fail,
  type SaslStep,
} from "./sasl-step.ts";

export function plainResponse(bytes: Uint8Array): SaslStep<AskedState | EndedState> {
  const afterIdentity = bytes.indexOf(0) + 1;
  const afterUser = bytes.indexOf(0, afterIdentity) + 1;
  if (afterIdentity === 0 || afterUser === 0) return ended(fail("malformed"));
  // A third NUL would be in the password, which refuses it.
  const user = userText(bytes.subarray(afterIdentity, afterUser - 1));
  const password = passwordText(bytes.subarray(afterUser));
  if (user === undefined || password === undefined) return ended(fail("malformed"));
  return asked({ kind: "password", user, password });
}
