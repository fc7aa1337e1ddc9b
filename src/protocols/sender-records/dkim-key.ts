/**
 * The record that has the public key of a selector of DKIM.
 *
 * Source: RFC 6376 §3.6.1; RFC 8301 §3.2 (sizes of RSA); RFC 8463 §4 (ed25519).
 */
import { parseTagList } from "./tag-list.ts";

export type DkimKeyReading =
  | { readonly kind: "key"; readonly algorithm: "rsa" | "ed25519"; readonly bits: number }
  /** An empty `p=`: the key is withdrawn. */
  | { readonly kind: "revoked" }
  | { readonly kind: "none" }
  | { readonly kind: "wrong"; readonly why: string };

const ED25519_BYTES = 32;
/** What SubjectPublicKeyInfo has around the modulus: 2,048 bits are 294 bytes. */
const RSA_OVERHEAD_BYTES = 38;
const RSA_STEP_BITS = 64;

/** @param texts of `SELECTOR._domainkey.DOMAIN`. */
export function parseDkimKey(texts: readonly string[]): DkimKeyReading {
  const [record, ...others] = texts;
  if (record === undefined) return { kind: "none" };
  if (others.length > 0)
    return wrong(`there are ${texts.length} records, of which readers take any`);
  const tags = parseTagList(record);
  if (tags === undefined) return wrong("it is no list of tag=value");
  const version = tags.get("v") ?? "DKIM1";
  if (version !== "DKIM1") return wrong("v= is not DKIM1");
  const key = tags.get("p")?.replaceAll(/[ \t]/gu, "");
  if (key === undefined) return wrong("p= is missing");
  if (key === "") return { kind: "revoked" };
  if (!/^[A-Za-z0-9+/]+={0,2}$/u.test(key)) return wrong("p= is not base64");
  const bytes = Buffer.from(key, "base64").length;
  const algorithm = tags.get("k") ?? "rsa";
  if (algorithm === "ed25519")
    return bytes === ED25519_BYTES
      ? { kind: "key", algorithm, bits: 256 }
      : wrong(`p= has ${bytes} bytes, and an ed25519 key ${ED25519_BYTES}`);
  if (algorithm !== "rsa") return wrong("k= is neither rsa nor ed25519");
  return { kind: "key", algorithm, bits: rsaBits(bytes) };
}

/** Of the modulus, to RSA_STEP_BITS: enough to tell a short key from a long one. */
function rsaBits(bytes: number): number {
  const bits = Math.max(bytes - RSA_OVERHEAD_BYTES, 0) * 8;
  return Math.round(bits / RSA_STEP_BITS) * RSA_STEP_BITS;
}

function wrong(why: string): DkimKeyReading {
  return { kind: "wrong", why };
}
