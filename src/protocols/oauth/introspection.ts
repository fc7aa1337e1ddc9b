/**
 * Introspection of a token: what is asked of its issuer, and what the answer means.
 *
 *     POST: token=…&token_type_hint=access_token
 *     200:  { "active": true, "username": "ann", "scope": "smtp mail", "exp": 1795651200 }
 *
 * An answer that is none of these forms says nothing: it is neither yes nor no.
 *
 * Source: RFC 7662 §2.1, §2.2; RFC 6749 §2.3.1 (the client's name and secret), §3.3 (scope).
 */
import { isUtf8 } from "node:buffer";
import { userText } from "#protocols/sasl/sasl-text.ts";

export const INTROSPECTION_TYPE = "application/x-www-form-urlencoded";

/** What a token must be, besides active. */
export interface TokenDemands {
  /** One of the words of its `scope`; undefined: any will do. */
  readonly scope: string | undefined;
  /** Which member of the answer is the user; undefined: `username`, else `sub`. */
  readonly claim: string | undefined;
}

export type Introspected =
  /** `untilMs`: when it ends, of the wall clock; undefined if the answer does not say. */
  | { readonly kind: "good"; readonly user: string; readonly untilMs: number | undefined }
  | { readonly kind: "bad" }
  /** The answer is none; one line for the log, without anything of the answer. */
  | { readonly kind: "fault"; readonly why: string };

const BAD: Introspected = Object.freeze({ kind: "bad" });

export function introspectionBody(token: string): Uint8Array {
  return Buffer.from(`token=${formEncoded(token)}&token_type_hint=access_token`, "latin1");
}

/** The header `Authorization` of a client: its name and secret are encoded as in a form first. */
export function clientAuthorization(id: string, secret: string): string {
  const pair = `${formEncoded(id)}:${formEncoded(secret)}`;
  return `Basic ${Buffer.from(pair, "latin1").toString("base64")}`;
}

export function readIntrospection(
  body: Uint8Array,
  { scope, claim }: TokenDemands,
  nowMs: number,
): Introspected {
  const answer = jsonObject(body);
  if (answer === undefined) return fault("the answer is no JSON object");
  const active = member(answer, "active");
  if (active === false) return BAD;
  if (active !== true) return fault("the answer does not say whether the token is active");
  if (scope !== undefined && !scopesOf(member(answer, "scope")).includes(scope)) return BAD;
  const untilMs = endOf(answer);
  if (untilMs === "unclear") return fault("'exp' is no number");
  if (untilMs !== undefined && untilMs <= nowMs) return BAD;
  const user = userText(Buffer.from(userOf(answer, claim), "utf8"));
  if (user === undefined)
    return fault(`the answer names no user: '${claim ?? "username"}' is missing, or cannot be one`);
  return { kind: "good", user, untilMs };
}

/** RFC 7662 §2.2: seconds since 1970. */
function endOf(answer: object): number | undefined | "unclear" {
  const exp = member(answer, "exp");
  if (exp === undefined) return undefined;
  return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : "unclear";
}

/** "" if the answer has none that is a text. */
function userOf(answer: object, claim: string | undefined): string {
  const user = claim === undefined ? usualUser(answer) : member(answer, claim);
  return typeof user === "string" ? user : "";
}

function usualUser(answer: object): unknown {
  return member(answer, "username") ?? member(answer, "sub");
}

/** RFC 6749 §3.3: words with blanks between; case matters. */
function scopesOf(scope: unknown): readonly string[] {
  return typeof scope === "string" ? scope.split(" ") : [];
}

/** Only its own: what JavaScript gives every object was not answered. */
function member(answer: object, name: string): unknown {
  const own = Object.getOwnPropertyDescriptor(answer, name);
  return own?.value;
}

/** Who asks has bounded the body; JSON nests no deeper than that. */
function jsonObject(body: Uint8Array): object | undefined {
  if (!isUtf8(body)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"));
  } catch {
    // What a server sends is a value, whatever it is.
    return undefined;
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** application/x-www-form-urlencoded, but with %20 for a blank, which every reader takes. */
function formEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function fault(why: string): Introspected {
  return { kind: "fault", why };
}
