/**
 * Where a connection is accepted or opened: TCP or a UNIX-domain socket.
 *
 * The written forms are those of the configuration and of smtp(1): `HOST:PORT`
 * with IPv6 in brackets, and `unix:/PATH`.
 */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `127.0.0.1:25`, `[::1]:25` or `unix:/run/x.sock`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}
