/**
 * OAUTHBEARER: `n,a=USER,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A`.
 *
 * Host and port say where the client believes to be; a token that is good elsewhere alone
 * is for its issuer to refuse, so they are not looked at, nor is any other name. Without a
 * user the token says who it is.
 *
 * Source: RFC 7628 §3.1; RFC 5801 §4 (the GS2 header).
 */
import { bearerPairs, bearerToken, splitHeader, type ShownToken } from "./bearer.ts";
import { saslName, textOf } from "./sasl-text.ts";

/** Undefined if `bytes` is no such message. */
export function oauthBearerMessage(bytes: Uint8Array): ShownToken | undefined {
  // RFC 7628 §3.1: no channel is bound, whether the client could (`y`) or not (`n`).
  const [header = "", list = ""] = splitHeader(textOf(bytes) ?? "");
  const match = /^[ny],(?:a=([^,]+))?,$/u.exec(header);
  const [, written] = match ?? [];
  const user = written === undefined ? "" : saslName(written);
  const pairs = match === null ? undefined : bearerPairs(list);
  const token = bearerToken(pairs?.get("auth") ?? "");
  if (pairs === undefined || user === undefined || token === undefined) return undefined;
  return { user, token };
}
