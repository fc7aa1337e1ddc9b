/**
 * What the named levels of `ciphers` allow, in OpenSSL's words.
 *
 * `secure` leaves what has forward secrecy and an authenticated cipher; the others widen
 * it as libtls does. Anonymous ciphers and those that do not encrypt are in none.
 * docs/tls.md lists what each one comes to in the running library.
 *
 * Source: tls_config_set_ciphers(3) of libtls; RFC 9325 §4.2.
 */
import type { TlsLevel } from "#model/config/tls-settings.ts";

/** For versions up to TLSv1.2. */
export const LEVEL_CIPHERS: Readonly<Record<TlsLevel, string>> = {
  secure: "ECDHE+AESGCM:ECDHE+CHACHA20",
  compat: "ECDHE+AESGCM:ECDHE+CHACHA20:HIGH:!aNULL:!eNULL:!PSK:!SRP:!kDH:!kECDH",
  legacy: "ECDHE+AESGCM:ECDHE+CHACHA20:HIGH:MEDIUM:!aNULL:!eNULL:!PSK:!SRP",
  insecure: "ECDHE+AESGCM:ECDHE+CHACHA20:ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0",
};

/** Every suite of TLSv1.3 that this runtime has on by default; they are the same at each level. */
export const DEFAULT_SUITES =
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/** With the first, a recording of today cannot be read by a quantum computer of tomorrow. */
export const DEFAULT_GROUPS = "X25519MLKEM768:X25519:P-256:P-384:P-521";

/** Versions before TLSv1.2 sign with SHA-1, which OpenSSL refuses above this level. */
export const OLD_VERSIONS_LEVEL = "@SECLEVEL=0";
