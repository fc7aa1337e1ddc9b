/** Listeners, from what `listen on` says and the addresses of this machine. Source: smtpd.conf(5). */
import { formatEndpoint } from "#base/endpoint.ts";
import { isLoopback, parseIpAddress } from "#base/ip-address.ts";
import type { ComplaintList } from "./complaint.ts";
import { formatPlace, type Listener } from "./config.ts";
import type { BuildContext } from "./config-source.ts";
import { DEFAULT_SMTP_PORT, DEFAULT_SOCKET_MODE } from "./defaults.ts";
import { socketPathFault } from "./relay-url.ts";
import type { ListenStatement, Word } from "./syntax.ts";

export function buildListeners(
  statements: readonly ListenStatement[],
  context: BuildContext,
  complaints: ComplaintList,
): readonly Listener[] {
  const listeners = new Map<string, Listener>();
  for (const statement of statements) {
    for (const endpoint of endpoints(statement, context, complaints)) {
      // Port 0 is another port each time.
      const isAnyPort = endpoint.kind === "tcp" && endpoint.port === 0;
      const key = isAnyPort ? `any:${listeners.size}` : listenerKey(endpoint);
      const earlier = listeners.get(key);
      if (earlier !== undefined) {
        const what =
          statement.target.kind === "socket" && statement.target.path === undefined
            ? "socket listener already configured"
            : `already listening on ${formatEndpoint(endpoint)}`;
        complaints.error(statement.at, what, `see ${formatPlace(earlier.at)}`);
        continue;
      }
      listeners.set(key, {
        at: statement.at,
        endpoint,
        socketMode: statement.mode ?? DEFAULT_SOCKET_MODE,
        tag: statement.tag,
        hostname: statement.hostname ?? context.serverName,
        maskSource: statement.maskSource,
      });
    }
  }
  return [...listeners.values()];
}

function endpoints(
  statement: ListenStatement,
  context: BuildContext,
  complaints: ComplaintList,
): readonly Listener["endpoint"][] {
  const { target } = statement;
  if (target.kind === "socket") {
    const path = target.path?.text ?? context.enqueueSocketPath;
    const fault = socketPathFault(path);
    if (fault !== undefined) complaints.error(target.path?.at ?? statement.at, fault);
    return [{ kind: "unix", path }];
  }
  const port = statement.port ?? DEFAULT_SMTP_PORT;
  const hosts = addresses(target.name, context);
  if (hosts.length === 0)
    complaints.error(
      target.name.at,
      `invalid virtual ip or interface: ${target.name.text}`,
      "write an address, an interface or 'all'; host names are not looked up",
    );
  return hosts.map((host) => ({ kind: "tcp", host, port }));
}

/** An interface comes first, then a literal; `all` is every interface. */
function addresses(name: Word, { interfaces }: BuildContext): readonly string[] {
  const { text } = name;
  const ofInterface = interfaces.get(text);
  if (ofInterface !== undefined) return ofInterface;
  const all = [...new Set([...interfaces.values()].flat())];
  if (text === "all") return all;
  // RFC 6761 §6.3: this name needs no look-up, and OpenSMTPD's own default file has it.
  if (text === "localhost") {
    const loopback = all.filter(isLoopbackText);
    return loopback.length > 0 ? loopback : ["127.0.0.1"];
  }
  if (parseIpAddress(text) === undefined) return [];
  return [text.replace(/^\[(?:ipv6:)?(.*)\]$/iu, "$1")];
}

function isLoopbackText(text: string): boolean {
  const address = parseIpAddress(text);
  return address !== undefined && isLoopback(address);
}

/** Equal for two spellings of one endpoint. */
function listenerKey(endpoint: Listener["endpoint"]): string {
  if (endpoint.kind === "unix") return endpoint.path;
  const scope = endpoint.host.includes("%") ? endpoint.host : "";
  const words = parseIpAddress(endpoint.host)?.words.join(".") ?? endpoint.host;
  return `${words}${scope}:${endpoint.port}`;
}
