/**
 * Relay actions. What goes together is judged here, whatever the order of the options;
 * OpenSMTPD wants `host` before `auth`.
 *
 * A label without its credentials, and a host that can never have the TLS that the
 * action asks for, are complaints: OpenSMTPD finds them when mail is to be sent, and
 * defers it again and again.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y (dispatcher_remote_option), mta.c.
 */
import { formatAddress, parseAddress } from "#protocols/mail/address.ts";
import type { ActionBase, RelayAction, RelayHost, RelayTo } from "./action.ts";
import type { BuildScope } from "./build-scope.ts";
import type { Pki } from "./pki.ts";
import type { Place } from "./place.ts";
import { parseRelayUrl } from "./relay-url.ts";
import type { RelayOptions, TableOperand, Word } from "./syntax.ts";
import type { Table } from "./table.ts";
import { buildTlsSettings, tlsSyntaxOf } from "./tls-values.ts";

/** A host that a table names, and where. */
interface NamedHost {
  readonly at: Place;
  readonly host: RelayHost;
}

/** Undefined after a complaint about where to send. */
export function buildRelayAction(
  base: ActionBase,
  options: RelayOptions,
  scope: BuildScope,
): RelayAction | undefined {
  const { tables, context, complaints } = scope;
  checkExclusions(options, scope);
  const to = buildTo(options, scope);
  const pins = options.tls?.value.fingerprints;
  const auth = options.auth && tables.use(options.auth.value, "relay auth");
  if (to !== undefined) checkHosts(to, options, { ...scope, auth });
  if (to === undefined) return undefined;
  return {
    ...base,
    kind: "relay",
    to,
    auth,
    mailFrom: options.mailFrom && buildMailFrom(options.mailFrom.value, scope),
    src: options.src && tables.use(options.src.value, "src"),
    helo: options.helo?.value ?? context.serverName,
    heloSrc: options.heloSrc && tables.use(options.heloSrc.value, "helo-src"),
    tls: tlsOf(options),
    fingerprints: pins && tables.use(pins, "fingerprint"),
    tlsSettings: buildTlsSettings(tlsSyntaxOf(options), complaints),
    pki: options.pki && buildPki(options.pki.value, scope),
    ca: options.ca && scope.ca(options.ca.value),
    filters: (options.filter && scope.filters(options.filter.value)) ?? [],
    srs: options.srs !== undefined,
  };
}

function checkExclusions(options: RelayOptions, { complaints, settings }: BuildScope): void {
  const { backup, host, domain, auth, srs } = options;
  if (backup && host) complaints.error(host.at, "backup and host are mutually exclusive");
  if (backup && domain) complaints.error(domain.at, "backup and domain are mutually exclusive");
  if (host && domain)
    complaints.error(
      domain.at,
      "host mapping already specified for this dispatcher",
      "a relay has 'host' or 'domain', not both",
    );
  if (auth && !host && !domain)
    complaints.error(auth.at, "auth may not be specified without host on a dispatcher");
  checkNoVerify(options, complaints);
  if (srs && settings.srs === undefined)
    complaints.error(
      srs.at,
      "an srs key is required for srs to be specified in an action",
      "write 'srs key SECRET'",
    );
}

function checkNoVerify(
  { noVerify, tls }: RelayOptions,
  complaints: BuildScope["complaints"],
): void {
  if (noVerify && !tls)
    complaints.error(
      noVerify.at,
      "no-verify may not be specified without tls",
      "write 'tls no-verify'",
    );
  if (noVerify && tls?.value.fingerprints)
    complaints.error(
      noVerify.at,
      "no-verify and fingerprint are mutually exclusive",
      "'tls fingerprint' asks for no authority: who has the key is the one that is meant",
    );
}

function buildTo(options: RelayOptions, scope: BuildScope): RelayTo | undefined {
  const { backup, host, domain } = options;
  if (backup !== undefined)
    return { kind: "backup", name: backup.value.mx?.text ?? scope.context.serverName };
  if (host !== undefined) return buildHosts(host.value, scope);
  if (domain === undefined) return { kind: "mx" };
  const table = scope.tables.use(domain.value, "domain");
  return table && { kind: "domain", table };
}

function buildHosts(operand: TableOperand, scope: BuildScope): RelayTo | undefined {
  const table = scope.tables.use(operand, "host");
  if (table === undefined) return undefined;
  const hosts = namedHosts({ kind: "hosts", table, hosts: [] }, scope).map(({ host }) => host);
  // No hosts would mean "by the MX", which is not what an empty list of smarthosts asks for.
  if (table.shape !== "remote" && table.entries.size === 0)
    scope.complaints.error(operand.at, "a relay needs at least one host");
  return { kind: "hosts", table, hosts };
}

/** The hosts of a local table that are right; the others have been complained about. */
function namedHosts(to: RelayTo, { tables }: BuildScope): readonly NamedHost[] {
  if (to.kind !== "hosts" && to.kind !== "domain") return [];
  return tables.entries(to.table).flatMap(({ key, value }) => {
    const { at, text } = to.kind === "hosts" ? key : value;
    const host = parseRelayUrl(text);
    return "reason" in host ? [] : [{ at, host }];
  });
}

function checkHosts(
  to: RelayTo,
  options: RelayOptions,
  scope: BuildScope & { readonly auth: Table | undefined },
): void {
  const { complaints } = scope;
  const hosts = namedHosts(to, scope);
  for (const { at, host } of hosts) {
    const { label, tls, endpoint } = host;
    if (label !== undefined) checkLabel({ text: label, at }, options, scope);
    if (options.tls !== undefined && tls === "never" && endpoint.kind === "tcp")
      complaints.error(at, `TLS required for relaying: ${endpoint.host} never has it`);
  }
  if (options.auth && hosts.length > 0 && hosts.every(({ host }) => host.label === undefined))
    complaints.warning(
      options.auth.at,
      "no relay host names credentials: they are not used",
      "write 'smtp+tls://LABEL@HOST'",
    );
}

/** What stands before a colon only is shown: behind it would be a password. */
function checkLabel(
  { text, at }: Word,
  options: RelayOptions,
  { auth, complaints }: BuildScope & { readonly auth: Table | undefined },
): void {
  const colon = text.indexOf(":");
  const shown = colon < 0 ? text : `${text.slice(0, colon)}:…`;
  const inTable = `a label stands here; 'LABEL = "USER:PASSWORD"' is an entry of the table of auth`;
  if (options.auth === undefined)
    complaints.error(
      at,
      `no auth table for relaying: '${shown}@'`,
      colon < 0 ? "add 'auth <TABLE>'" : inTable,
    );
  else if (auth !== undefined && lacksLabel(auth, text))
    complaints.error(
      at,
      `no credentials for '${shown}@' in the table of auth`,
      colon < 0 ? "" : inTable,
    );
}

/** Labels are compared as all keys of tables are, whatever their case. */
function lacksLabel(auth: Table, label: string): boolean {
  if (auth.shape === "remote") return false;
  const wanted = label.toLowerCase();
  return ![...auth.entries.keys()].some((key) => key.toLowerCase() === wanted);
}

/** In canonical text: USER@DOMAIN, @DOMAIN, USER; "" is the null reverse-path. */
function buildMailFrom(
  { text, at }: Word,
  { context, complaints }: BuildScope,
): string | undefined {
  if (text === "" || text === "<>") return "";
  const isDomain = text.startsWith("@");
  const isUser = !text.includes("@");
  const whole = isDomain ? `user${text}` : isUser ? `${text}@domain` : text;
  const address = parseAddress(whole, context.serverName);
  if ("kind" in address) {
    complaints.error(at, `invalid address: ${text}`, "write USER@DOMAIN, @DOMAIN or USER");
    return undefined;
  }
  if (isUser) return address.localPart;
  return isDomain ? `@${address.domain}` : formatAddress(address);
}

function buildPki(name: Word, scope: BuildScope): Pki | undefined {
  const pki = scope.pki(name);
  if (pki === undefined || (pki.cert !== undefined && pki.key !== undefined)) return pki;
  const what = pki.cert === undefined ? "certificate" : "key";
  scope.complaints.error(name.at, `pki ${pki.name} has no ${what}`);
  return undefined;
}

function tlsOf({ tls, noVerify }: RelayOptions): RelayAction["tls"] {
  if (tls === undefined) return "opportunistic";
  return noVerify === undefined ? "verified" : "unverified";
}
