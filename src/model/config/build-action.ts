/** Actions, from what `action` says. Source: smtpd.conf(5); nooSMTPD (never a delivery to root). */
import { unreachable } from "#base/unreachable.ts";
import type { ComplaintList } from "./complaint.ts";
import type { Action, Format, RelayHost } from "./config.ts";
import { DEFAULT_MAILDIR } from "./defaults.ts";
import { parseFormat } from "./format.ts";
import { parseLmtpDestination, parseRelayUrl } from "./relay-url.ts";
import type { ActionStatement, TableOperand, Word } from "./syntax.ts";
import type { TableStore } from "./table-store.ts";

export interface ActionDefaults {
  readonly serverName: string;
  readonly queueTtlMs: number;
}

/** Undefined if there is a complaint. */
export function buildAction(
  statement: ActionStatement,
  defaults: ActionDefaults,
  tables: TableStore,
  complaints: ComplaintList,
): Action | undefined {
  const { at, method } = statement;
  const base = { at, name: statement.name.text, ttlMs: statement.ttlMs ?? defaults.queueTtlMs };
  switch (method.kind) {
    case "maildir": {
      const path = buildPath(method.path ?? { text: DEFAULT_MAILDIR, at }, complaints);
      const user = buildUser(method.user, complaints);
      return path === undefined ? undefined : { ...base, kind: "maildir", path, user };
    }
    case "lmtp": {
      const destination = parseLmtpDestination(method.destination.text);
      const user = buildUser(method.user, complaints);
      if (destination.kind !== "relay-url-fault")
        return { ...base, kind: "lmtp", destination, rcptTo: method.rcptTo, user };
      complaints.error(method.destination.at, destination.reason);
      return undefined;
    }
    case "relay": {
      const hosts = method.hosts === undefined ? [] : buildHosts(method.hosts, tables, complaints);
      return { ...base, kind: "relay", hosts, helo: method.helo ?? defaults.serverName };
    }
    default:
      return unreachable(method);
  }
}

/** A path that is not absolute is below the home folder, where OpenSMTPD's agent runs. */
function buildPath(path: Word, complaints: ComplaintList): Format | undefined {
  const format = path.text === "" ? undefined : parseFormat(path.text);
  if (format === undefined) {
    complaints.error(path.at, "a maildir needs a path");
    return undefined;
  }
  if ("reason" in format) {
    complaints.error(path.at, format.reason);
    return undefined;
  }
  const [first] = format.parts;
  const isAbsolute =
    first?.kind === "home" ||
    (first?.kind === "token" && first.token === "user.directory") ||
    (first?.kind === "literal" && first.text.startsWith("/"));
  if (isAbsolute) return format;
  return {
    source: format.source,
    parts: [{ kind: "home" }, { kind: "literal", text: "/" }, ...format.parts],
  };
}

function buildUser(user: Word | undefined, complaints: ComplaintList): string | undefined {
  if (user?.text === "root")
    complaints.error(
      user.at,
      "mail is never delivered as root",
      "name an unprivileged account: 'user vmail'",
    );
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@$-]*$/u.test(user.text))
    complaints.error(user.at, `invalid user name: ${user.text}`);
  return user?.text;
}

function buildHosts(
  operand: TableOperand,
  tables: TableStore,
  complaints: ComplaintList,
): readonly RelayHost[] {
  const hosts: RelayHost[] = [];
  const words = tables.items(operand, "host");
  for (const word of words ?? []) {
    const host = parseRelayUrl(word.text);
    if ("reason" in host) complaints.error(word.at, host.reason);
    else hosts.push(host);
  }
  // No hosts would mean "by the MX", which is not what an empty list of smarthosts asks for.
  if (words?.length === 0) complaints.error(operand.at, "a relay needs at least one host");
  return hosts;
}
