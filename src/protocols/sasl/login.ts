/**
 * LOGIN: the user's name, then the password, each on being prompted. Old, and all that
 * some programs speak. Source: draft-murchison-sasl-login-00; the prompts are OpenSMTPD's.
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

export const USER_PROMPT = "Username:";
export const PASSWORD_PROMPT = "Password:";

export function loginUser(bytes: Uint8Array): string | undefined {
  return userText(bytes);
}

export function loginPassword(user: string, bytes: Uint8Array): SaslStep<AskedState | EndedState> {
  const password = passwordText(bytes);
  if (password === undefined) return ended(fail("malformed"));
  return asked({ kind: "password", user, password });
}
