/**
 * Frames between `lookup` and `auth`, the helper that may check the passwords of the
 * system's users: one bounded question, one answer of a byte.
 */
import { type Codec, oneOf, struct, text, u32 } from "#base/codec.ts";
import type { PasswordVerdict } from "#base/ports/system-passwords.ts";
import { MAX_PASSWORD_BYTES, MAX_USER_BYTES } from "#protocols/sasl/sasl-text.ts";

/** Questions that have no answer yet: each takes its turn. */
export const MAX_SYSTEM_CHECKS = 64;
/** What `auth` reads at most. */
export const MAX_SYSTEM_QUESTION_BYTES: number = MAX_USER_BYTES + MAX_PASSWORD_BYTES + 64;

export interface SystemQuestion {
  readonly request: number;
  readonly user: string;
  readonly password: string;
}

export interface SystemAnswer {
  readonly request: number;
  readonly verdict: PasswordVerdict;
}

export const systemQuestionCodec: Codec<SystemQuestion> = struct<SystemQuestion>({
  request: u32,
  user: text(MAX_USER_BYTES),
  password: text(MAX_PASSWORD_BYTES),
});

export const systemAnswerCodec: Codec<SystemAnswer> = struct<SystemAnswer>({
  request: u32,
  verdict: oneOf(["accepted", "refused", "unavailable"]),
});
