/**
 * The client's side of SASL: which mechanism, what is sent, and whether the server's yes
 * may be believed.
 *
 * SCRAM-SHA-256 first, as it does not give the password away; then PLAIN, then LOGIN. All
 * that a server says in it is bounded, and a server of SCRAM that says yes without having
 * shown that it knows the password is not believed.
 *
 * Secrets stand in an exchange: it is never printed.
 *
 * Source: RFC 4422 §3; RFC 4616; RFC 5802 §5; RFC 7677; draft-murchison-sasl-login-00.
 */
import { pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { unreachable } from "#base/unreachable.ts";
import { decodeBase64 } from "./base64.ts";
import { prepared, textOf } from "./sasl-text.ts";
import { MIN_SCRAM_ITERATIONS, proveByScram, SCRAM_KEY_BYTES } from "./scram-verifier.ts";

export interface ClientCredentials {
  readonly user: string;
  readonly password: string;
  /** Of the client in SCRAM: unpredictable, in printable ASCII without comma. */
  readonly nonce: string;
}

export type ClientExchange =
  /** All was said: now the server says yes or no. */
  | { readonly phase: "said" }
  | { readonly phase: "login-user" | "login-password"; readonly credentials: ClientCredentials }
  | { readonly phase: "scram-first"; readonly credentials: ClientCredentials }
  | { readonly phase: "scram-final"; readonly signature: Uint8Array };

export interface StartedExchange {
  /** The command, without its CRLF. */
  readonly line: string;
  /** The same without what is secret. */
  readonly shown: string;
  readonly exchange: ClientExchange;
}

export type ExchangeStep =
  | { readonly kind: "respond"; readonly response: string; readonly exchange: ClientExchange }
  | { readonly kind: "authenticated" }
  | { readonly kind: "failed"; readonly why: string };

/** A server chooses what we compute: at most a tenth of a second of it. */
const MAX_ITERATIONS = 250_000;
/** Characters of a challenge in base64: three times what a good server sends. */
const MAX_CHALLENGE_LENGTH = 1024;
const MAX_SALT_BYTES = 64;

/** The string says why none of the mechanisms that the server offers will do. */
export function startExchange(
  offered: readonly string[],
  credentials: ClientCredentials,
): StartedExchange | string {
  const { user, password, nonce } = credentials;
  if (offered.length === 0) return "AUTH not advertised";
  if (offered.includes("SCRAM-SHA-256") && scramName(user) !== undefined) {
    const first = Buffer.from(`n,,${firstBare(user, nonce)}`, "utf8").toString("base64");
    return started("SCRAM-SHA-256", first, { phase: "scram-first", credentials });
  }
  if (offered.includes("PLAIN")) {
    const response = Buffer.from(`\0${user}\0${password}`, "utf8").toString("base64");
    return started("PLAIN", response, { phase: "said" });
  }
  if (!offered.includes("LOGIN")) return "no supported AUTH method";
  const exchange = { phase: "login-user", credentials } as const;
  return { line: "AUTH LOGIN", shown: "AUTH LOGIN", exchange };
}

function started(mechanism: string, first: string, exchange: ClientExchange): StartedExchange {
  return { line: `AUTH ${mechanism} ${first}`, shown: `AUTH ${mechanism} (...)`, exchange };
}

/** @param challenge in base64, as the server wrote it; "done" is its yes. */
export function continueExchange(
  exchange: ClientExchange,
  challenge: string | undefined,
): ExchangeStep {
  if (challenge === "done") return takeYes(exchange);
  if (challenge === undefined || challenge.length > MAX_CHALLENGE_LENGTH)
    return failed("AUTH challenge is too long");
  switch (exchange.phase) {
    case "login-user": {
      const { credentials } = exchange;
      return respond(credentials.user, { phase: "login-password", credentials });
    }
    case "login-password":
      return respond(exchange.credentials.password, { phase: "said" });
    case "scram-first":
      return takeServerFirst(exchange.credentials, decoded(challenge));
    case "scram-final":
      return takeServerFinal(exchange.signature, decoded(challenge));
    case "said":
      return failed("AUTH challenge that was not asked for");
    default:
      return unreachable(exchange);
  }
}

function takeYes({ phase }: ClientExchange): ExchangeStep {
  if (phase === "said") return { kind: "authenticated" };
  return failed("Server says yes before it was told who we are, or has shown who it is");
}

/** `r=NONCE,s=SALT,i=ITERATIONS`: RFC 5802 §5.1. */
function takeServerFirst(credentials: ClientCredentials, text: string | undefined): ExchangeStep {
  const match = /^(r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d{1,7}))(?:,.*)?$/u.exec(text ?? "");
  const [, , nonce = "", saltText = "", digits = ""] = match ?? [];
  const salt = decodeBase64(saltText);
  const isOurs = nonce.startsWith(credentials.nonce) && nonce.length > credentials.nonce.length;
  if (text === undefined || !isOurs || salt === undefined || salt.length > MAX_SALT_BYTES)
    return failed("SCRAM challenge is malformed");
  const iterations = Number(digits);
  if (iterations < MIN_SCRAM_ITERATIONS || iterations > MAX_ITERATIONS)
    return failed(`SCRAM with ${iterations} iterations is refused`);
  const { user, password } = credentials;
  const salted = pbkdf2Sync(
    prepared(password) ?? password,
    salt,
    iterations,
    SCRAM_KEY_BYTES,
    "sha256",
  );
  const withoutProof = `c=biws,r=${nonce}`;
  const authMessage = `${firstBare(user, credentials.nonce)},${text},${withoutProof}`;
  const { proof, signature } = proveByScram(salted, authMessage);
  const final = `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  return respond(final, { phase: "scram-final", signature });
}

/** `v=SIGNATURE`, which only who knows the password can make. */
function takeServerFinal(signature: Uint8Array, text: string | undefined): ExchangeStep {
  const shown = decodeBase64(/^v=([A-Za-z0-9+/=]+)$/u.exec(text ?? "")?.[1] ?? "");
  const isRight = shown?.length === SCRAM_KEY_BYTES && timingSafeEqual(shown, signature);
  return isRight
    ? respond("", { phase: "said" })
    : failed("Server has not shown that it knows the password");
}

function respond(text: string, exchange: ClientExchange): ExchangeStep {
  const response = Buffer.from(text, "utf8").toString("base64");
  return { kind: "respond", response, exchange };
}

function failed(why: string): ExchangeStep {
  return { kind: "failed", why };
}

function firstBare(user: string, nonce: string): string {
  return `n=${scramName(user) ?? ""},r=${nonce}`;
}

/** RFC 5802 §5.1: `,` and `=` are written =2C and =3D. */
function scramName(user: string): string | undefined {
  return prepared(user)?.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** Undefined of what is no base64 of text. */
function decoded(challenge: string): string | undefined {
  const bytes = decodeBase64(challenge);
  return bytes && textOf(bytes);
}
