/**
 * Hosts to relay to, and LMTP destinations: `[SCHEME://][LABEL@]HOST[:PORT]`, or a
 * socket.
 *
 * | scheme      | TLS                         | port |
 * |-------------|-----------------------------|------|
 * | smtp (none) | when it is offered          | 25   |
 * | smtp+tls    | STARTTLS, or not at all     | 25   |
 * | smtp+notls  | never                       | 25   |
 * | smtps       | from the first byte on      | 465  |
 * | lmtp        | never                       | to be given |
 *
 * `LABEL@` names credentials; only a scheme that is sure to encrypt may have one.
 * `unix:/PATH` is SMTP and `lmtp:/PATH` is LMTP over a UNIX-domain socket, as smtp(1)
 * takes them. A host is looked up as a host, never by its MX.
 *
 * Source: smtpd.conf(5) (relay host); OpenSMTPD to.c (text_to_relayhost).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import type { RelaySchemeName } from "#model/relay-report.ts";
import type { LmtpDestination, RelayHost } from "./action.ts";
import {
  DEFAULT_SMTP_PORT,
  DEFAULT_SMTPS_PORT,
  MAX_PORT,
  MAX_SOCKET_PATH_BYTES,
} from "./defaults.ts";
import { hasSpecifiers, parseFormat } from "./format.ts";

export interface RelayUrlFault {
  readonly kind: "relay-url-fault";
  readonly reason: string;
}

/** How a host is spoken to. */
export interface RelayScheme extends Pick<RelayHost, "protocol" | "tls"> {
  readonly name: RelaySchemeName;
  readonly port: number | undefined;
}

const SCHEMES: readonly RelayScheme[] = [
  { name: "smtp", protocol: "smtp", tls: "opportunistic", port: DEFAULT_SMTP_PORT },
  { name: "smtp+tls", protocol: "smtp", tls: "starttls", port: DEFAULT_SMTP_PORT },
  { name: "smtp+notls", protocol: "smtp", tls: "never", port: DEFAULT_SMTP_PORT },
  { name: "smtps", protocol: "smtp", tls: "smtps", port: DEFAULT_SMTPS_PORT },
  // LMTP has no port of its own (RFC 2033 §5 forbids 25).
  { name: "lmtp", protocol: "lmtp", tls: "never", port: undefined },
];

/** OpenSMTPD's: a line of its credentials table. */
const MAX_LABEL_LENGTH = 255;

/** RFC 1035 §2.3.4. */
const MAX_HOST_LENGTH = 253;

export function parseRelayUrl(text: string): RelayHost | RelayUrlFault {
  const [, kind, path] = /^(unix|lmtp):(\/(?!\/).*)$/su.exec(text) ?? [];
  if (kind !== undefined && path !== undefined)
    return parseSocket(kind === "lmtp" ? "lmtp" : "smtp", path);
  const [prefix, name = "smtp"] = /^([a-z+]+):\/\//iu.exec(text) ?? [""];
  const scheme = SCHEMES.find((known) => known.name === name.toLowerCase());
  if (scheme === undefined) return unknownScheme(name.toLowerCase());
  const rest = text.slice(prefix.length);
  const at = rest.indexOf("@");
  if (at < 0) return parseHost(scheme, rest);
  const host = parseHost(scheme, rest.slice(at + 1));
  return "reason" in host ? host : withLabel(host, scheme, rest.slice(0, at));
}

/** Names of OpenSMTPD before 6.4, with those of today. */
const OLD_SCHEMES: ReadonlyMap<string, string> = new Map([
  ["tls", "smtp+tls"],
  ["ssl", "smtps"],
  ["secure", "smtps"],
]);

function unknownScheme(name: string): RelayUrlFault {
  const today = OLD_SCHEMES.get(name.replace(/\+auth$/u, ""));
  const reason = `unknown scheme: ${name}://`;
  return fault(today === undefined ? reason : `${reason}, which is ${today}:// since 6.4`);
}

export function schemeOf(protocol: RelayHost["protocol"], tls: RelayHost["tls"]): RelayScheme {
  const scheme = SCHEMES.find((known) => known.protocol === protocol && known.tls === tls);
  if (scheme === undefined)
    throw new TypeError(`Cannot name the scheme of ${protocol} with ${tls}`);
  return scheme;
}

/** The form that reads back as the same host. */
export function formatRelayHost(host: RelayHost): string {
  const { protocol, tls, endpoint, label } = host;
  if (endpoint.kind === "unix") return `${protocol === "lmtp" ? "lmtp" : "unix"}:${endpoint.path}`;
  const { name } = schemeOf(protocol, tls);
  return `${name}://${label === undefined ? "" : `${label}@`}${formatEndpoint(endpoint)}`;
}

/**
 * `/PATH`, `unix:/PATH`, `lmtp:/PATH`, `HOST:PORT` or `[IPV6]:PORT`, perhaps with specifiers: then
 * what they make is read at each delivery, and here it is tried with one.
 */
export function parseLmtpDestination(text: string): LmtpDestination | RelayUrlFault {
  const format = parseFormat(text);
  if ("reason" in format) return fault(format.reason);
  const sample = format.parts.map((part) => {
    if (part.kind === "literal") return part.text;
    return part.kind === "home" || part.token === "user.directory" ? "/x" : "x";
  });
  const endpoint = parseLmtpEndpoint(sample.join(""));
  if (endpoint.kind === "relay-url-fault")
    return hasSpecifiers(format) ? fault(`invalid LMTP destination: ${text}`) : endpoint;
  return hasSpecifiers(format) ? { kind: "format", format } : { kind: "endpoint", endpoint };
}

/** An LMTP destination without specifiers, or whose specifiers were expanded. */
export function parseLmtpEndpoint(text: string): Endpoint | RelayUrlFault {
  const host = text.startsWith("/")
    ? parseSocket("lmtp", text)
    : parseRelayUrl(/^(?:unix|lmtp):\//u.test(text) ? text : `lmtp://${text}`);
  return "reason" in host ? host : host.endpoint;
}

/** Why `path` cannot be a socket's path; undefined if it can. */
export function socketPathFault(path: string): string | undefined {
  if (!path.startsWith("/")) return `the path of a socket must be absolute: ${path}`;
  if (path.includes("\0")) return "the path of a socket contains a NUL";
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return undefined;
  return `the path of a socket is too long: at most ${MAX_SOCKET_PATH_BYTES} bytes`;
}

function parseSocket(protocol: RelayHost["protocol"], path: string): RelayHost | RelayUrlFault {
  const reason = socketPathFault(path);
  if (reason !== undefined) return fault(reason);
  return { protocol, tls: "never", endpoint: { kind: "unix", path }, label: undefined };
}

function withLabel(
  host: RelayHost,
  { name, tls }: RelayScheme,
  label: string,
): RelayHost | RelayUrlFault {
  if (tls !== "starttls" && tls !== "smtps")
    return fault(`credentials need encryption: '${label}@' with ${name}://`);
  if (label.length <= MAX_LABEL_LENGTH && /^[^\s\p{Cc}/]+$/u.test(label)) return { ...host, label };
  return fault(`invalid label: '${label}@'`);
}

function parseHost(scheme: RelayScheme, text: string): RelayHost | RelayUrlFault {
  const match = /^(?:\[([^\]]*)\]|([0-9A-Za-z_.-]+))(?::([0-9]+))?$/u.exec(text);
  if (match === null) return fault(`invalid host: ${text}`);
  if (text.length > MAX_HOST_LENGTH + ":65535".length)
    return fault("the name of a host is too long");
  const [, literal, name = "", digits] = match;
  if (literal !== undefined && parseIpAddress(literal) === undefined)
    return fault(`invalid address: [${literal}]`);
  const host = literal === undefined ? name : literal.replace(/^ipv6:/iu, "");
  const { protocol, tls } = scheme;
  const port = digits === undefined ? scheme.port : Number(digits);
  if (port === undefined) return fault(`LMTP needs a port: ${text}`);
  if (port < 1 || port > MAX_PORT) return fault(`invalid port: ${digits}`);
  return { protocol, tls, endpoint: { kind: "tcp", host, port }, label: undefined };
}

function fault(reason: string): RelayUrlFault {
  return { kind: "relay-url-fault", reason };
}
