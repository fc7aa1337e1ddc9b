/**
 * The server that `smtp -s` names: a host, a URL, or a UNIX-domain socket.
 *
 * `HOST[:PORT]`, `SCHEME://[USER:PASS@]HOST[:PORT]` with IPv6 in brackets, an absolute
 * path, `unix:/PATH`, or `lmtp:/PATH`. Source: smtp(1); nooSMTPD for the paths.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";

export interface SmtpServer {
  readonly kind: "server";
  readonly dialect: Dialect;
  /** "may": TLS if offered; "must": STARTTLS or nothing; "at-once": TLS from the first byte. */
  readonly tls: "none" | "may" | "must" | "at-once";
  readonly endpoint: Endpoint;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

export interface WrongServer {
  readonly kind: "wrong";
  readonly message: string;
}

type Scheme = Pick<SmtpServer, "dialect" | "tls"> & { readonly port: number };

const SMTP_PORT = 25;
const SMTPS_PORT = 465;
const MAX_PORT = 65_535;

const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ["smtp", { dialect: "smtp", tls: "may", port: SMTP_PORT }],
  ["smtp+tls", { dialect: "smtp", tls: "must", port: SMTP_PORT }],
  ["smtp+notls", { dialect: "smtp", tls: "none", port: SMTP_PORT }],
  ["smtps", { dialect: "smtp", tls: "at-once", port: SMTPS_PORT }],
  ["lmtp", { dialect: "lmtp", tls: "may", port: SMTP_PORT }],
  ["lmtp+tls", { dialect: "lmtp", tls: "must", port: SMTP_PORT }],
  ["lmtp+notls", { dialect: "lmtp", tls: "none", port: SMTP_PORT }],
]);

const SOCKET = /^(?:(unix|lmtp):)?(\/(?!\/).*)$/;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/;

export function parseSmtpServer(text: string): SmtpServer | WrongServer {
  const socket = SOCKET.exec(text);
  if (socket !== null) {
    const dialect = socket[1] === "lmtp" ? "lmtp" : "smtp";
    const endpoint = { kind: "unix", path: socket[2] ?? "" } as const;
    return { kind: "server", dialect, tls: "none", endpoint, credentials: undefined };
  }
  const separator = text.indexOf("://");
  const schemeName = separator < 0 ? "smtp" : text.slice(0, separator);
  const scheme = SCHEMES.get(schemeName);
  if (scheme === undefined) return wrong(`invalid url scheme ${schemeName}`);
  const rest = separator < 0 ? text : text.slice(separator + 3);
  const at = separator < 0 ? -1 : rest.lastIndexOf("@");
  const endpoint = parseEndpoint(rest.slice(at + 1), scheme.port);
  if (endpoint.kind === "wrong") return endpoint;
  const credentials = at < 0 ? undefined : parseCredentials(rest.slice(0, at));
  if (credentials?.kind === "wrong") return credentials;
  const { dialect, tls } = scheme;
  return { kind: "server", dialect, tls, endpoint, credentials };
}

function parseEndpoint(text: string, defaultPort: number): Endpoint | WrongServer {
  const match = HOST_AND_PORT.exec(text);
  // Several colons without brackets are an IPv6 address without a port.
  const host = match === null ? text : (match[1] ?? match[2] ?? "");
  if (host === "" || (match === null && !/^[0-9a-f:.]+$/i.test(text))) {
    return wrong(`invalid server: ${text}`);
  }
  const port = match?.[3] ? Number(match[3]) : defaultPort;
  if (port < 1 || port > MAX_PORT) return wrong(`invalid port: ${port}`);
  return { kind: "tcp", host, port };
}

function parseCredentials(
  text: string,
):
  | { readonly kind: "credentials"; readonly user: string; readonly password: string }
  | WrongServer {
  const colon = text.indexOf(":");
  if (colon < 0) return wrong("invalid credentials");
  return { kind: "credentials", user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function wrong(message: string): WrongServer {
  return { kind: "wrong", message };
}
