/**
 * The sender rewriting scheme: a forwarder puts its own domain into the reverse-path, and
 * finds the way back in the address itself, which it has signed.
 *
 *     SRS0=HHHH=TT=domain=user@forwarder         user@domain, forwarded
 *     SRS1=HHHH=first==HHHH=TT=domain=user@next  an SRS0 address of `first`, forwarded again
 *
 * TT is the day, modulo 1024; HHHH the first 24 bits of an HMAC-SHA1 over what follows, in
 * lower case and without separators, as libsrs2 and postsrsd have it, so that either takes
 * the other's addresses under one key. OpenSMTPD signs otherwise (SHA1 of the key and the
 * whole rest, behind it): its addresses are taken too, for who comes from there, but none
 * are made. An address that would be too long is left as it is, as OpenSMTPD leaves it.
 *
 * Source: the paper "The Sender Rewriting Scheme" (M. Weiss), libsrs2; OpenSMTPD srs.c.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface SrsSigning {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export interface SrsChecking {
  /** The present one, and one that was before it. */
  readonly keys: readonly string[];
  readonly nowMs: number;
  /** How old an address may be. */
  readonly ttlMs: number;
}

export type SrsDecoded =
  | { readonly kind: "decoded"; readonly address: string }
  /** It is no address of SRS. */
  | { readonly kind: "plain" }
  | { readonly kind: "refused"; readonly why: "malformed" | "forged" | "expired" };

const DAY_MS = 86_400_000;
/** TT counts days modulo this. */
const DAYS = 1024;
const HASH_LENGTH = 4;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** RFC 5321 §4.5.3.1.1 has 64; what is longer is taken by most, and this by all that know SRS. */
const MAX_LOCAL_PART_LENGTH = 256;

/** `path` with `domain` in the place of its own, signed; `path` itself where it cannot be. */
export function encodeSrs(path: string, domain: string, { key, nowMs }: SrsSigning): string {
  const at = path.lastIndexOf("@");
  const [local, ownDomain] = [path.slice(0, at), path.slice(at + 1)];
  // A quoted local part would need quotes again, around other text.
  if (at <= 0 || local.startsWith('"') || ownDomain.toLowerCase() === domain.toLowerCase())
    return path;
  const encoded = encodeLocal(local, ownDomain, { key, nowMs });
  return encoded.length > MAX_LOCAL_PART_LENGTH ? path : `${encoded}@${domain}`;
}

function encodeLocal(local: string, domain: string, { key, nowMs }: SrsSigning): string {
  const first = /^SRS0([=+-].*)$/isu.exec(local)?.[1];
  if (first !== undefined) return `SRS1=${hash(key, [domain, first])}=${domain}=${first}`;
  const [, hop = "", rest = ""] = /^SRS1[=+-][^=]*=([^=]+)=([=+-].*)$/isu.exec(local) ?? [];
  if (rest !== "") return `SRS1=${hash(key, [hop, rest])}=${hop}=${rest}`;
  const day = Math.floor(nowMs / DAY_MS) % DAYS;
  const stamp = `${BASE32[day >> 5] ?? ""}${BASE32[day & 31] ?? ""}`;
  return `SRS0=${hash(key, [stamp, domain, local])}=${stamp}=${domain}=${local}`;
}

/** The address that an address of SRS was made of. */
export function decodeSrs(address: string, checking: SrsChecking): SrsDecoded {
  const at = address.lastIndexOf("@");
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)];
  if (at <= 0 || !/^SRS[01][=+-]/iu.test(local)) return { kind: "plain" };
  return /^SRS0/iu.test(local)
    ? decodeFirst(local, domain, checking)
    : decodeFurther(local, domain, checking);
}

function decodeFirst(local: string, newDomain: string, checking: SrsChecking): SrsDecoded {
  const match = /^SRS0[=+-]([^=]+)=([A-Z2-7]{2})=([^=]+)=(.+)$/isu.exec(local);
  if (match === null) return refused("malformed");
  const [, hashed = "", stamp = "", domain = "", user = ""] = match;
  const rest = `${stamp}=${domain}=${user}@${newDomain}`;
  if (!isSigned(hashed, [stamp, domain, user], rest, checking)) return refused("forged");
  return isFresh(stamp, checking) ? decoded(`${user}@${domain}`) : refused("expired");
}

/** Back to who made the SRS0 address, and to whom it belongs to judge its age. */
function decodeFurther(local: string, newDomain: string, checking: SrsChecking): SrsDecoded {
  const match = /^SRS1[=+-]([^=]+)=([^=]+)=([=+-].+)$/isu.exec(local);
  if (match === null) return refused("malformed");
  const [, hashed = "", hop = "", first = ""] = match;
  const rest = `${hop}=${first}@${newDomain}`;
  const isOurs = isSigned(hashed, [hop, first], rest, checking);
  return isOurs ? decoded(`SRS0${first}@${hop}`) : refused("forged");
}

/** By one of the keys, as we sign `parts`, or OpenSMTPD `rest`. */
function isSigned(
  hashed: string,
  parts: readonly string[],
  rest: string,
  { keys }: SrsChecking,
): boolean {
  return keys.some((key) => isHash(hashed, hash(key, parts)) || isHash(hashed, oldHash(key, rest)));
}

function isFresh(stamp: string, { nowMs, ttlMs }: SrsChecking): boolean {
  const [high = 0, low = 0] = Array.from(stamp.toUpperCase(), (digit) => BASE32.indexOf(digit));
  const today = Math.floor(nowMs / DAY_MS) % DAYS;
  const ageDays = (today - (high * 32 + low) + DAYS) % DAYS;
  // Clocks differ: tomorrow is taken.
  return ageDays <= Math.ceil(ttlMs / DAY_MS) || ageDays === DAYS - 1;
}

function hash(key: string, parts: readonly string[]): string {
  const data = parts.join("").toLowerCase();
  return createHmac("sha1", key).update(data).digest("base64").slice(0, HASH_LENGTH);
}

/** OpenSMTPD's. */
function oldHash(key: string, rest: string): string {
  return createHash("sha1").update(key).update(rest).digest("base64").slice(0, HASH_LENGTH);
}

/** Servers on the way may have changed the case. */
function isHash(shown: string, right: string): boolean {
  const [one, other] = [Buffer.from(shown.toLowerCase()), Buffer.from(right.toLowerCase())];
  return one.length === other.length && timingSafeEqual(one, other);
}

function decoded(address: string): SrsDecoded {
  return { kind: "decoded", address };
}

function refused(why: Extract<SrsDecoded, { kind: "refused" }>["why"]): SrsDecoded {
  return { kind: "refused", why };
}
