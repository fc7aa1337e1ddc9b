/**
 * How smtp(1) speaks TLS with its server, and what it logs in with.
 *
 * A certificate is checked unless that was waived, also where TLS was only offered: who
 * asked for none of it writes `smtp+notls://`. Credentials go under TLS alone.
 *
 * Source: smtp(1); OpenSMTPD smtpc.c.
 */
import type { Tls } from "#base/ports/tls.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { TlsSettings } from "#model/config/tls-settings.ts";
import { NO_TLS_SETTINGS, parseCiphers, parseProtocols } from "#model/config/tls-values.ts";
import type { ClientSecurity } from "#engine/client/client-security.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import type { SmtpArguments, TlsParameters } from "./smtp-arguments.ts";
import type { SmtpServer } from "./smtp-server.ts";

/** What of a machine it needs. */
export interface SecurityWorld {
  readonly tls: Tls;
  /** The text of a file, or why it cannot be read. */
  readonly readFile: (path: string) => string | { readonly why: string };
  /** Whom the system trusts, as PEM; the string says why it is nobody. */
  readonly systemAuthorities: () => { readonly pem: string } | string;
  /** Unpredictable, in letters and digits. */
  readonly nonce: () => string;
}

export interface Security {
  /** Undefined: TLS is not to be used. */
  readonly security: ClientSecurity | undefined;
  readonly credentials: ClientCredentials | undefined;
}

/** The string says what cannot be. */
export function securityOf(
  world: SecurityWorld,
  { tls: parameters, authFile }: SmtpArguments,
  server: SmtpServer,
): Security | string {
  const login = authFile === undefined ? server.credentials : readLogin(world, authFile);
  if (typeof login === "string") return login;
  if (login !== undefined && server.tls === "none") return "credentials are sent over TLS only";
  const credentials = login && { ...login, nonce: world.nonce() };
  if (server.tls === "none" || server.endpoint.kind === "unix")
    return { security: undefined, credentials };
  const offered = settingsOf(parameters);
  const authorities = authoritiesOf(world, parameters);
  if (typeof offered === "string") return offered;
  if (typeof authorities === "string") return authorities;
  const end = world.tls.client({
    offer: tlsOffer(offered, NO_TLS_SETTINGS, "none"),
    authorities,
    identity: undefined,
    asksForName: parameters.sni,
  });
  if ("kind" in end) return end.message;
  const security: ClientSecurity = {
    start: server.tls === "at-once" ? "at-once" : "starttls",
    isRequired: server.tls !== "may",
    policy: { kind: "required", proof: { kind: parameters.verify ? "name" : "none" } },
    tls: end,
    serverName: parameters.serverName ?? server.endpoint.host,
  };
  return { security, credentials };
}

type Login = NonNullable<SmtpServer["credentials"]>;

/** The user's name in the first line, the password in the second. */
function readLogin(world: SecurityWorld, path: string): Login | string {
  const text = world.readFile(path);
  if (typeof text !== "string") return text.why;
  const [user = "", password = ""] = text.split(/\r?\n/u);
  return user === "" || password === "" ? `${path}: no user and password` : { user, password };
}

function settingsOf(parameters: TlsParameters): TlsSettings | string {
  const ciphers = parameters.ciphers === undefined ? undefined : parseCiphers(parameters.ciphers);
  if (ciphers?.kind === "tls-value-fault") return ciphers.reason;
  const protocols =
    parameters.protocols === undefined ? undefined : parseProtocols(parameters.protocols);
  if (protocols !== undefined && "reason" in protocols) return protocols.reason;
  return { curves: undefined, ciphers, protocols };
}

function authoritiesOf(
  world: SecurityWorld,
  { verify, caFile }: TlsParameters,
): { readonly pem: string } | string {
  // Nobody is asked.
  if (!verify) return { pem: "" };
  if (caFile === undefined) return world.systemAuthorities();
  const pem = world.readFile(caFile);
  return typeof pem === "string" ? { pem } : pem.why;
}
