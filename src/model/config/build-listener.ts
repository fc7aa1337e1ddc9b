/** Listeners, from what `listen on` says and the addresses of this machine. Source: smtpd.conf(5). */
import { formatEndpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import { buildListenerAuth, buildListenerTls } from "./build-listener-tls.ts";
import type { BuildScope } from "./build-scope.ts";
import { DEFAULT_SMTP_PORT, DEFAULT_SMTPS_PORT, DEFAULT_SOCKET_MODE } from "./defaults.ts";
import { listenAddresses } from "./listen-addresses.ts";
import type { Listener } from "./listener.ts";
import { formatPlace, type Place } from "./place.ts";
import { socketPathFault } from "./relay-url.ts";
import type { ListenOptions, ListenStatement, Option } from "./syntax.ts";

/** What all endpoints of one line share. */
type Shared = Omit<Listener, "endpoint">;

/** `whole` is where a listener that no line asks for stands. */
export function buildListeners(
  statements: readonly ListenStatement[],
  whole: Place,
  scope: BuildScope,
): readonly Listener[] {
  const listeners = new Map<string, Listener>();
  for (const statement of withImplicitSocket(statements, whole, scope)) {
    // Once for a line, however many addresses it opens: complaints come once.
    const shared = buildShared(statement, scope);
    for (const endpoint of endpoints(statement, scope)) {
      // Port 0 is another port each time.
      const isAnyPort = endpoint.kind === "tcp" && endpoint.port === 0;
      const key = isAnyPort ? `any:${listeners.size}` : listenerKey(endpoint);
      const earlier = listeners.get(key);
      if (earlier === undefined) {
        listeners.set(key, { ...shared, endpoint });
        continue;
      }
      complainOfTaken(statement, endpoint, earlier, scope);
      break;
    }
  }
  return [...listeners.values()];
}

/**
 * OpenSMTPD listens on the socket of the local programs in any case; nooSMTPD where
 * the file says so.
 */
function withImplicitSocket(
  statements: readonly ListenStatement[],
  whole: Place,
  { context, settings, tellsDifferences, complaints }: BuildScope,
): readonly ListenStatement[] {
  const sockets = statements.flatMap(({ target }) => (target.kind === "socket" ? [target] : []));
  const hasDefault = sockets.some(
    ({ path }) => path === undefined || path.text === context.enqueueSocketPath,
  );
  if (hasDefault) return statements;
  if (settings.compat === "opensmtpd")
    return [
      ...statements,
      { kind: "listen", at: whole, target: { kind: "socket", path: undefined }, options: {} },
    ];
  // A file without listeners is told that instead.
  if (tellsDifferences && sockets.length === 0 && statements.length > 0)
    complaints.difference(
      whole,
      "no 'listen on socket', so programs of this machine cannot submit mail",
      "write 'listen on socket', or 'compat none' to be told no differences",
    );
  return statements;
}

function complainOfTaken(
  statement: ListenStatement,
  endpoint: Listener["endpoint"],
  earlier: Listener,
  { complaints }: BuildScope,
): void {
  const { target } = statement;
  const what =
    target.kind === "socket" && target.path === undefined
      ? "socket listener already configured"
      : `already listening on ${formatEndpoint(endpoint)}`;
  complaints.error(statement.at, what, `see ${formatPlace(earlier.at)}`);
}

function buildShared(statement: ListenStatement, scope: BuildScope): Shared {
  const { at, options } = statement;
  const { filter } = options;
  return {
    at,
    places: placesOf(options),
    socketMode: options.mode?.value ?? DEFAULT_SOCKET_MODE,
    socketUser: options.user?.value,
    socketGroup: options.group?.value,
    tls: buildListenerTls(statement, scope),
    auth: buildListenerAuth(options, scope),
    tag: options.tag?.value ?? "",
    hostname: options.hostname?.value ?? scope.context.serverName,
    ...tablesOf(options, scope),
    filters: (filter && scope.filters(filter.value)) ?? [],
    maskSource: options.maskSource !== undefined,
    receivedAuth: options.receivedAuth !== undefined,
    noDsn: options.noDsn !== undefined,
    protocol: options.lmtp === undefined ? "smtp" : "lmtp",
  };
}

function tablesOf(
  { hostnames, senders, proxy, xclient }: ListenOptions,
  scope: BuildScope,
): Pick<Shared, "hostnames" | "senders" | "proxy" | "xclient"> {
  return {
    hostnames: hostnames && scope.tables.use(hostnames.value, "hostnames"),
    senders: senders && buildSenders(senders.value, scope),
    proxy: proxy && buildProxy(proxy, scope),
    xclient: xclient && scope.tables.use(xclient.value, "xclient"),
  };
}

function buildSenders(
  { table: operand, masquerade }: NonNullable<ListenOptions["senders"]>["value"],
  { tables }: BuildScope,
): Listener["senders"] {
  const table = tables.use(operand, "senders");
  return table && { table, masquerade };
}

/** Who may say that it is somebody else must be named: OpenSMTPD believes every client. */
function buildProxy(
  { at, value }: NonNullable<ListenOptions["proxy"]>,
  { tables, settings, complaints }: BuildScope,
): Listener["proxy"] {
  const { version, from } = value;
  if (from !== undefined) {
    const table = tables.use(from, "proxy");
    return table && { version, from: table };
  }
  const word = version === "v1" ? "proxy" : "proxy-v2";
  const hint = `write '${word} from <table>' with the addresses of your proxies`;
  if (settings.compat === "opensmtpd")
    complaints.warning(at, `${word} believes every client that says where it comes from`, hint);
  else complaints.error(at, `${word} must say from whom`, hint);
  return { version, from: undefined };
}

/** Where each field of a listener was set. */
function placesOf(options: ListenOptions): Listener["places"] {
  const { tls, ca, ciphers, curves, protocols } = options;
  const byField: Readonly<Record<keyof Listener["places"], Option<unknown> | undefined>> = {
    endpoint: options.port,
    socketMode: options.mode,
    socketUser: options.user,
    socketGroup: options.group,
    tls: tls ?? ca ?? ciphers ?? curves ?? protocols,
    auth: options.auth,
    tag: options.tag,
    hostname: options.hostname,
    hostnames: options.hostnames,
    senders: options.senders,
    filters: options.filter,
    maskSource: options.maskSource,
    receivedAuth: options.receivedAuth,
    noDsn: options.noDsn,
    proxy: options.proxy,
    xclient: options.xclient,
    protocol: options.lmtp,
  };
  return Object.fromEntries(
    Object.entries(byField).flatMap(([field, option]) => (option ? [[field, option.at]] : [])),
  );
}

function endpoints(
  { at, target, options }: ListenStatement,
  scope: BuildScope,
): readonly Listener["endpoint"][] {
  if (target.kind === "socket") {
    const path = target.path?.text ?? scope.context.enqueueSocketPath;
    const fault = socketPathFault(path);
    if (fault !== undefined) scope.complaints.error(target.path?.at ?? at, fault);
    return [{ kind: "unix", path }];
  }
  if (options.lmtp !== undefined && options.port === undefined)
    scope.complaints.error(options.lmtp.at, "lmtp requires a port", "write 'port 24', or another");
  const isSmtps = options.tls?.value.mode === "smtps";
  const port = options.port?.value ?? (isSmtps ? DEFAULT_SMTPS_PORT : DEFAULT_SMTP_PORT);
  const hosts = listenAddresses(target.name, options.family?.value, scope);
  return hosts.map((host) => ({ kind: "tcp", host, port }));
}

/** Equal for two spellings of one endpoint. */
function listenerKey(endpoint: Listener["endpoint"]): string {
  if (endpoint.kind === "unix") return endpoint.path;
  const scope = endpoint.host.includes("%") ? endpoint.host : "";
  const words = parseIpAddress(endpoint.host)?.words.join(".") ?? endpoint.host;
  return `${words}${scope}:${endpoint.port}`;
}
