/**
 * XOAUTH2: `user=USER^Aauth=Bearer TOKEN^A^A`, which came before OAUTHBEARER, and is what
 * most clients speak.
 *
 * Source: Google's "OAuth 2.0 Mechanism"; Microsoft's, which is the same.
 */
import { bearerPairs, bearerToken, splitHeader, type ShownToken } from "./bearer.ts";
import { textOf, userText } from "./sasl-text.ts";

/** Undefined if `bytes` is no such message. */
export function xoauth2Message(bytes: Uint8Array): ShownToken | undefined {
  const [header = "", list = ""] = splitHeader(textOf(bytes) ?? "");
  const [, written = ""] = /^user=(.+)$/u.exec(header) ?? [];
  const user = userText(Buffer.from(written, "utf8"));
  const pairs = bearerPairs(list);
  const token = bearerToken(pairs?.get("auth") ?? "");
  if (user === undefined || pairs === undefined || token === undefined) return undefined;
  return { user, token };
}
