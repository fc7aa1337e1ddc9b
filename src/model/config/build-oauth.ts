/**
 * Issuers of tokens by name, from what `oauth` says, and the secrets that we show them,
 * from their files.
 *
 * Tokens go to whoever is asked about them, so that is asked over TLS, or on this machine.
 *
 * Source: RFC 7662 §4 (security); RFC 6749 §3.3 (scope), appendix A (what names may hold).
 */
import { isTaken } from "./build-names.ts";
import type { ComplaintList } from "./complaint.ts";
import type { ReadFile } from "./config-source.ts";
import { MAX_SECRET_LENGTH, MAX_TABLE_NAME_LENGTH, MAX_URL_LENGTH } from "./defaults.ts";
import type { OAuth } from "./oauth.ts";
import type { Ca } from "./pki.ts";
import type { Place } from "./place.ts";
import type { OAuthStatement, Statement, Word } from "./syntax.ts";

export interface OAuthScope {
  readonly complaints: ComplaintList;
  readonly ca: (name: Word) => Ca | undefined;
}

type Fault = readonly [word: Word, message: string, hint: string] | undefined;

/** By name; undefined for one that has complaints of its own. */
export function buildOAuths(
  statements: readonly Statement[],
  scope: OAuthScope,
): ReadonlyMap<string, OAuth | undefined> {
  const oauths = new Map<string, OAuth | undefined>();
  const places = new Map<string, Place>();
  for (const statement of statements) {
    if (statement.kind !== "oauth") continue;
    if (isTaken(statement.name, places, "oauth", scope.complaints)) continue;
    oauths.set(statement.name.text, buildOAuth(statement, scope));
  }
  return oauths;
}

function buildOAuth(
  { at, name, url, client, scope, claim, ca }: OAuthStatement,
  { complaints, ca: caOf }: OAuthScope,
): OAuth | undefined {
  const faults: readonly Fault[] = [
    nameFault(name),
    urlFault(url),
    client && clientFault(client.id),
    scope && scopeFault(scope),
    claim && claimFault(claim),
  ];
  const found = faults.filter((fault) => fault !== undefined);
  for (const [word, message, hint] of found) complaints.error(word.at, message, hint);
  const authority = ca && caOf(ca);
  if (found.length > 0) return undefined;
  return {
    at,
    places: client === undefined ? {} : { secret: client.secret.at },
    name: name.text,
    url: url.text,
    client: client && { id: client.id.text, path: client.secret.text },
    scope: scope?.text,
    claim: claim?.text,
    ca: authority,
  };
}

function nameFault(name: Word): Fault {
  if (name.text === "") return [name, "an oauth needs a name", ""];
  if (name.text.length <= MAX_TABLE_NAME_LENGTH) return undefined;
  return [name, "oauth name too long", `at most ${MAX_TABLE_NAME_LENGTH} characters`];
}

function urlFault(word: Word): Fault {
  const url = URL.parse(word.text);
  const isWhole = /^https?:\/\/[!-~]+$/iu.test(word.text) && word.text.length <= MAX_URL_LENGTH;
  if (url === null || !isWhole)
    return [word, `not a URL of HTTP: ${word.text}`, 'write "https://HOST/PATH"'];
  if (url.username !== "" || url.password !== "")
    return [word, "a URL is no place for a secret", "write 'client ID secret \"PATH\"'"];
  if (url.hash !== "") return [word, `a URL to ask has no '#': ${word.text}`, ""];
  if (url.protocol === "https:" || isLoopback(url.hostname)) return undefined;
  const why = "tokens would go over the network in the clear";
  return [word, `${url.protocol} to another machine: ${url.hostname}`, `${why}: write https:`];
}

/** The parser of URLs has written the address in its one form. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/u.test(hostname);
}

/** RFC 6749 appendix A.1. */
function clientFault(id: Word): Fault {
  if (/^[ -~]{1,255}$/u.test(id.text)) return undefined;
  return [id, "not the name of a client", ""];
}

/** RFC 6749 §3.3: one scope-token. */
function scopeFault(scope: Word): Fault {
  if (/^[!#-[\]-~]{1,255}$/u.test(scope.text)) return undefined;
  return [scope, `not a scope: ${scope.text}`, "one word that tokens for mail have"];
}

function claimFault(claim: Word): Fault {
  if (/^[A-Za-z0-9_:./-]{1,255}$/u.test(claim.text)) return undefined;
  return [claim, `not the name of a claim: ${claim.text}`, "'username', 'sub', 'email' or another"];
}

/** The secrets of clients by path; one that cannot be read, or is none, is a complaint. */
export function loadOAuthSecrets(
  oauths: Iterable<OAuth>,
  read: ReadFile,
  complaints: ComplaintList,
): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>();
  for (const { at, places, name, client } of oauths) {
    if (client === undefined) continue;
    const { path } = client;
    const secretAt = places.secret ?? at;
    const text = read(path);
    if (typeof text !== "string") {
      complaints.error(secretAt, `cannot read the secret of oauth ${name}: ${text.message}`);
      continue;
    }
    const secret = text.replace(/\r?\n$/u, "");
    if (/^[ -~]+$/u.test(secret) && secret.length <= MAX_SECRET_LENGTH) secrets.set(path, secret);
    else complaints.error(secretAt, `${path} is no secret: it must be one line of ASCII`);
  }
  return secrets;
}
