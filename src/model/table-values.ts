/**
 * The values that tables hold for a service, from their text. Undefined is a value that
 * cannot be used: whoever looked it up answers as if the table were unavailable, since
 * the administrator meant something by it.
 *
 * Source: OpenSMTPD table.c (table_parse_lookup).
 */
import { SCRAM_PREFIX } from "#protocols/sasl/scram-verifier.ts";

export interface Userinfo {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface Credentials {
  readonly user: string;
  /** A hash for a listener, the password itself for a relay. */
  readonly secret: string;
}

/** uid_t has 32 bits, and the last value means "none" (chown(2)). */
const MAX_ID = 0xffff_fffe;
/** OpenSMTPD's: less cannot be `u:p`. */
const MIN_CREDENTIALS_LENGTH = 3;

/** `uid:gid:home`. */
export function parseUserinfo(value: string): Userinfo | undefined {
  const match = /^(\d{1,10}):(\d{1,10}):(\/.*)$/u.exec(value);
  const [uid, gid] = [Number(match?.[1]), Number(match?.[2])];
  const home = match?.[3];
  if (home === undefined || uid > MAX_ID || gid > MAX_ID) return undefined;
  return { uid, gid, home };
}

/**
 * `user:secret`, or the secret alone, whose user is then the key. A SCRAM verifier has
 * colons of its own.
 */
export function parseCredentials(key: string, value: string): Credentials | undefined {
  if (value.length < MIN_CREDENTIALS_LENGTH) return undefined;
  const colon = value.startsWith(SCRAM_PREFIX) ? -1 : value.indexOf(":");
  const user = colon < 0 ? key : value.slice(0, colon);
  const secret = value.slice(colon + 1);
  return user === "" || secret === "" ? undefined : { user, secret };
}
