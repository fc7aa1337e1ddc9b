/**
 * The record in the DNS by which a domain says that it wants TLS reports, and where.
 *
 * Promises: at most MAX_REPORT_ENDPOINTS are read, the first ones, each once however often it
 * stands there; one that cannot be used is passed over. A web server is reached by its name, at port 443 and no
 * other: a record cannot say who is talked to inside our own network.
 *
 * Source: RFC 8460 §3 (grammar); RFC 6068 §2 (mailto).
 */
import { formatAddress, parseAddress } from "#protocols/mail/address.ts";
import { isHostName } from "#protocols/mail/domain.ts";

export type ReportEndpoint =
  | { readonly kind: "mailto"; readonly address: string }
  | { readonly kind: "https"; readonly url: string };

/** The standard has no bound; nobody writes more than two. */
export const MAX_REPORT_ENDPOINTS = 4;
/** What is longer is no record that anybody meant: several strings of 255. */
const MAX_RECORD_LENGTH = 2048;
/** Of one endpoint: the path of a web server may have a token in it. */
export const MAX_ENDPOINT_LENGTH = 512;

const VERSION = /^v=TLSRPTv1[ \t]*;/u;
const RUA = /^[ \t]*rua=(.*)$/u;
const EXTENSION = /^[ \t]*[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<>-~]+[ \t]*$/u;

/**
 * Empty: the domain wants none, as it has no such record, several, or one that cannot be read.
 *
 * @param texts of `_smtp._tls.DOMAIN`; others may stand beside it.
 */
export function parseTlsrptRecord(texts: readonly string[]): readonly ReportEndpoint[] {
  const [record, ...others] = texts.filter((text) => VERSION.test(text));
  if (record === undefined || others.length > 0 || record.length > MAX_RECORD_LENGTH) return [];
  const [, ...fields] = record.split(";");
  // A semicolon may stand at the end.
  if (fields.at(-1)?.trim() === "") fields.pop();
  let uris: string | undefined;
  for (const field of fields) {
    const rua = RUA.exec(field)?.[1];
    if (rua !== undefined) uris ??= rua;
    else if (!EXTENSION.test(field)) return [];
  }
  const endpoints = new Map<string, ReportEndpoint>();
  for (const uri of (uris ?? "").split(",")) {
    const endpoint = endpointOf(uri.trim());
    if (endpoint !== undefined) endpoints.set(formatEndpointUri(endpoint), endpoint);
  }
  return [...endpoints.values()].slice(0, MAX_REPORT_ENDPOINTS);
}

/** As a log has it. */
export function formatEndpointUri(endpoint: ReportEndpoint): string {
  return endpoint.kind === "mailto" ? `mailto:${endpoint.address}` : endpoint.url;
}

const MAILTO = /^mailto:([!-~]+)$/iu;
const HTTPS = /^https:\/\/([A-Za-z0-9.-]+)(?::443)?((?:[/?][!-"$-~]*)?)$/iu;

function endpointOf(uri: string): ReportEndpoint | undefined {
  if (uri.length > MAX_ENDPOINT_LENGTH) return undefined;
  const [, mailbox] = MAILTO.exec(uri) ?? [];
  if (mailbox !== undefined) return mailboxOf(mailbox);
  const [, host = "", path = ""] = HTTPS.exec(uri) ?? [];
  // What has no dot, or ends in a number, is a name of our own network, or an address.
  if (!isHostName(host) || !/\.[a-z][a-z0-9-]*$/iu.test(host)) return undefined;
  const url = `https://${host.toLowerCase()}${path.startsWith("/") ? path : `/${path}`}`;
  return { kind: "https", url };
}

/** One address, without what RFC 6068 lets stand behind it. */
function mailboxOf(mailbox: string): ReportEndpoint | undefined {
  const [encoded = ""] = mailbox.split("?");
  const decoded = decoded7Bit(encoded);
  if (decoded === undefined) return undefined;
  const address = parseAddress(decoded, "");
  if ("kind" in address || !isHostName(address.domain)) return undefined;
  const domain = address.domain.toLowerCase();
  return { kind: "mailto", address: formatAddress({ ...address, domain }) };
}

/** Undefined: there is more in it than the graphic characters of ASCII. */
function decoded7Bit(text: string): string | undefined {
  const decoded = text.replaceAll(/%([0-9a-f]{2})/giu, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return /^[!-~]+$/u.test(decoded) ? decoded : undefined;
}
