/**
 * Local actions. Under `compat opensmtpd` each looks at `~/.forward`, and commands and
 * files of aliases and forward files may be used, as OpenSMTPD has it; else a line must
 * ask for either (nooSMTPD). Mail is never delivered as root, whatever a line asks.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y (dispatcher_local_option).
 */
import { unreachable } from "#base/unreachable.ts";
import type { ActionAliases, ActionBase, LocalAction, LocalActionBase } from "./action.ts";
import type { BuildScope } from "./build-scope.ts";
import type { ComplaintList } from "./complaint.ts";
import { DEFAULT_MAILDIR } from "./defaults.ts";
import { type Format, parseFormat } from "./format.ts";
import { isAccountName } from "./parse-values.ts";
import { parseLmtpDestination } from "./relay-url.ts";
import type {
  AliasSyntax,
  LocalMethod,
  LocalOptions,
  Option,
  TableOperand,
  Word,
} from "./syntax.ts";

/** The system's users, which OpenSMTPD has as a table. */
const SYSTEM_USERS = "getpwnam";

/** Undefined after a complaint about the method. */
export function buildLocalAction(
  base: ActionBase,
  method: { readonly local: LocalMethod; readonly options: LocalOptions },
  scope: BuildScope,
): LocalAction | undefined {
  const { local, options } = method;
  const { complaints } = scope;
  checkUser(local.kind, options.user, complaints);
  const shared = buildShared(base, options, scope);
  switch (local.kind) {
    case "mbox":
    case "expand-only":
      return { ...shared, kind: local.kind };
    case "forward-only":
      if (shared.forwardFile === undefined && shared.aliases === undefined)
        complaints.warning(
          base.at,
          `action ${base.name} has nothing to forward by: all its mail is refused`,
          "write 'forward-only forward-file'",
        );
      return { ...shared, kind: local.kind };
    case "maildir": {
      const path = buildPath(local.path ?? { text: DEFAULT_MAILDIR, at: base.at }, complaints);
      return path && { ...shared, kind: "maildir", path, junk: local.junk };
    }
    case "lmtp": {
      const { text, at } = local.destination;
      const destination = parseLmtpDestination(text);
      if (destination.kind !== "relay-url-fault")
        return { ...shared, kind: "lmtp", destination, rcptTo: local.rcptTo };
      complaints.error(at, destination.reason);
      return undefined;
    }
    case "mda": {
      const command = buildCommand(local.command, complaints);
      return command && { ...shared, kind: "mda", command };
    }
    default:
      return unreachable(local);
  }
}

function buildShared(
  base: ActionBase,
  { user, alias, virtual, userbase, wrapper, forwardFile }: LocalOptions,
  scope: BuildScope,
): LocalActionBase {
  const isCompat = scope.settings.compat === "opensmtpd";
  if (alias !== undefined && virtual !== undefined) complainOfBoth(alias, virtual, scope);
  return {
    ...base,
    user: user?.value.text,
    aliases: alias
      ? buildAliases("alias", alias.value, scope)
      : virtual && buildAliases("virtual", virtual.value, scope),
    forwardFile: isCompat ? { allowExec: true } : forwardFile?.value,
    userbase: userbase && buildUserbase(userbase.value, scope),
    wrapper: wrapper && scope.wrapper(wrapper.value),
  };
}

function complainOfBoth(
  alias: Option<AliasSyntax>,
  virtual: Option<AliasSyntax>,
  { complaints }: BuildScope,
): void {
  const isAliasFirst =
    alias.at.line < virtual.at.line ||
    (alias.at.line === virtual.at.line && alias.at.column < virtual.at.column);
  complaints.error(
    isAliasFirst ? virtual.at : alias.at,
    `${isAliasFirst ? "alias" : "virtual"} mapping already specified for this dispatcher`,
    "an action has 'alias' or 'virtual', not both",
  );
}

function buildAliases(
  kind: ActionAliases["kind"],
  { table: operand, allowExec }: AliasSyntax,
  { tables, settings }: BuildScope,
): ActionAliases | undefined {
  const table = tables.use(operand, kind);
  return table && { kind, table, allowExec: allowExec || settings.compat === "opensmtpd" };
}

function buildUserbase(operand: TableOperand, { tables }: BuildScope): LocalActionBase["userbase"] {
  if (operand.kind === "reference" && operand.name === SYSTEM_USERS) return undefined;
  return tables.use(operand, "userbase");
}

function checkUser(
  method: LocalMethod["kind"],
  user: Option<Word> | undefined,
  complaints: ComplaintList,
): void {
  if (user === undefined) return;
  const { text, at } = user.value;
  if (method === "mbox" || method === "forward-only" || method === "expand-only")
    complaints.error(
      user.at,
      `user may not be specified for ${method === "mbox" ? "this dispatcher" : method}`,
    );
  if (text === "root")
    complaints.error(
      at,
      "mail is never delivered as root",
      "name an unprivileged account: 'user vmail'",
    );
  if (!isAccountName(text)) complaints.error(at, `invalid user name: ${text}`);
}

/** A path that is not absolute is below the home folder, where OpenSMTPD's agent runs. */
function buildPath(path: Word, complaints: ComplaintList): Format | undefined {
  const format = buildFormat(path, "path", "a maildir needs a path", complaints);
  if (format === undefined) return undefined;
  const [first] = format.parts;
  const isAbsolute =
    first?.kind === "home" ||
    (first?.kind === "token" && first.token === "user.directory" && first.range === undefined) ||
    (first?.kind === "literal" && first.text.startsWith("/"));
  if (isAbsolute) return format;
  return {
    source: format.source,
    parts: [{ kind: "home" }, { kind: "literal", text: "/" }, ...format.parts],
  };
}

function buildCommand(command: Word, complaints: ComplaintList): Format | undefined {
  const format = buildFormat(command, "command", "mda needs a command", complaints);
  const isRaw = format?.parts.some(
    (part) => part.kind === "token" && part.modifiers.includes("raw"),
  );
  if (isRaw === true)
    complaints.warning(
      command.at,
      "'raw' has no effect in a command",
      "what others wrote is never given to a shell as it is",
    );
  return format;
}

function buildFormat(
  word: Word,
  use: "path" | "command",
  whenEmpty: string,
  complaints: ComplaintList,
): Format | undefined {
  const format = word.text.trim() === "" ? { reason: whenEmpty } : parseFormat(word.text, use);
  if (!("reason" in format)) return format;
  complaints.error(word.at, format.reason);
  return undefined;
}
