/**
 * Hosts to relay to, and LMTP destinations: `[SCHEME://]HOST[:PORT]`, or a socket.
 *
 * `unix:/PATH` is SMTP and `lmtp:/PATH` is LMTP over a UNIX-domain socket, the same
 * as smtp(1) takes. `smtp://` will use TLS when offered; until TLS is built it
 * speaks in the clear, as `smtp+notls://` always does.
 *
 * Source: smtpd.conf(5) (relay host); OpenSMTPD to.c (text_to_relayhost).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import type { RelayHost } from "./config.ts";
import { DEFAULT_SMTP_PORT, MAX_PORT, MAX_SOCKET_PATH_BYTES } from "./defaults.ts";
import { NOT_BUILT_RELAY_SCHEMES } from "./not-built.ts";

export interface RelayUrlFault {
  readonly kind: "relay-url-fault";
  readonly reason: string;
}

export function parseRelayUrl(text: string): RelayHost | RelayUrlFault {
  if (text.startsWith("unix:")) return parseSocket("smtp", text.slice(5));
  if (text.startsWith("lmtp:/") && !text.startsWith("lmtp://"))
    return parseSocket("lmtp", text.slice(5));
  const [prefix, scheme = "smtp"] = /^([a-z+]+):\/\//iu.exec(text) ?? [""];
  const rest = text.slice(prefix.length);
  switch (scheme.toLowerCase()) {
    case "smtp":
    case "smtp+notls":
      return parseHost("smtp", rest);
    case "lmtp":
      return parseHost("lmtp", rest);
    default:
      if (NOT_BUILT_RELAY_SCHEMES.includes(scheme.toLowerCase()))
        return fault(`'${scheme}://' is not built yet`);
      return fault(`unknown scheme: ${scheme}://`);
  }
}

/** The form that reads back as the same host. */
export function formatRelayHost(host: RelayHost): string {
  const { protocol, endpoint } = host;
  if (endpoint.kind === "tcp") return `${protocol}://${formatEndpoint(endpoint)}`;
  return protocol === "lmtp" ? `lmtp:${endpoint.path}` : `unix:${endpoint.path}`;
}

/** `/PATH`, `unix:/PATH`, `HOST:PORT` or `[IPV6]:PORT`. */
export function parseLmtpDestination(text: string): Endpoint | RelayUrlFault {
  if (text.includes("%{")) return fault("a format specifier in a destination is not built yet");
  const path = text.startsWith("unix:") ? text.slice(5) : text;
  const host = path.startsWith("/") ? parseSocket("lmtp", path) : parseHost("lmtp", text);
  return "endpoint" in host ? host.endpoint : host;
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
  return reason === undefined ? { protocol, endpoint: { kind: "unix", path } } : fault(reason);
}

function parseHost(protocol: RelayHost["protocol"], text: string): RelayHost | RelayUrlFault {
  if (text.includes("@"))
    return fault(`'${text.slice(0, text.indexOf("@") + 1)}' (credentials) is not built yet`);
  const match = /^(?:\[([^\]]*)\]|([0-9A-Za-z_.-]+))(?::([0-9]+))?$/u.exec(text);
  if (match === null) return fault(`invalid host: ${text}`);
  const [, literal, name = "", digits] = match;
  if (literal !== undefined && parseIpAddress(literal) === undefined)
    return fault(`invalid address: [${literal}]`);
  const host = literal === undefined ? name : literal.replace(/^ipv6:/iu, "");
  if (digits === undefined) {
    // LMTP has no port of its own (RFC 2033 §5 forbids 25).
    if (protocol === "lmtp") return fault(`LMTP needs a port: ${text}`);
    return { protocol, endpoint: { kind: "tcp", host, port: DEFAULT_SMTP_PORT } };
  }
  const port = Number(digits);
  if (port < 1 || port > MAX_PORT) return fault(`invalid port: ${digits}`);
  return { protocol, endpoint: { kind: "tcp", host, port } };
}

function fault(reason: string): RelayUrlFault {
  return { kind: "relay-url-fault", reason };
}
