/**
 * The way of local mail: the account that writes it and where to, as delivery would
 * find both. No folder is looked at and no socket opened.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { Users } from "#base/ports/users.ts";
import { unreachable } from "#base/unreachable.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import type { Format } from "#model/config/format.ts";
import { COMMAND_USER } from "#model/daemon-users.ts";
import { listedText } from "#model/envelope.ts";
import type { ExplainedAccount, Way } from "#model/explanation.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import { isDeliveredByAgent } from "#policy/expand/delivered-by.ts";
import { deliveryAccount } from "#policy/expand/delivery-account.ts";
import { expandCommand, expandFormat, type FormatValues } from "#policy/expand/format.ts";
import { MAIL_SPOOL } from "#policy/expand/warrant.ts";

/** The addresses that an envelope comes from and goes to. */
export interface Path {
  readonly reversePath: string;
  readonly forwardPath: string;
}

export interface LocalSetting {
  readonly config: Config;
  readonly users: Users;
  readonly askTable?: AskTable | undefined;
  readonly planned: PlannedEnvelope;
  readonly path: Path;
}

export async function localWay(action: LocalAction, setting: LocalSetting): Promise<Way> {
  const { transport, destination } = setting.planned;
  const user = transport.kind === "mda" ? transport.user : "";
  const listed = transport.kind === "mda" ? transport.listed : undefined;
  const byAgent = isDeliveredByAgent(action, listed !== undefined);
  const as = byAgent ? await accountOf(action, user, setting) : undefined;
  const values: FormatValues = {
    sender: setting.path.reversePath,
    rcpt: setting.path.forwardPath,
    dest: destination,
    username: user,
    directory: as?.kind === "found" ? as.home : "~",
    subAddressDelimiter: setting.config.subAddressDelimiter,
  };
  const into = listed === undefined ? intoWhat(action, values) : listedText(listed);
  return { kind: "local", user, as, into };
}

async function accountOf(
  action: LocalAction,
  user: string,
  { config, users, askTable }: LocalSetting,
): Promise<ExplainedAccount> {
  const name = action.user ?? user;
  const { subAddressDelimiter } = config;
  const isNobodys = action.user === undefined && user === COMMAND_USER;
  const answer = isNobodys
    ? await users.lookup(user)
    : await deliveryAccount(action, user, { users, subAddressDelimiter, askTable });
  switch (answer.kind) {
    case "found":
      return { kind: "found", name, uid: answer.value.uid, home: answer.value.home };
    case "absent":
      return { kind: "none", name, why: "no such user" };
    case "unavailable":
      return { kind: "none", name, why: answer.cause.message };
    default:
      return unreachable(answer);
  }
}

function intoWhat(action: LocalAction, values: FormatValues): string {
  switch (action.kind) {
    case "maildir":
      return expanded(action.path, values, expandFormat);
    case "mda":
      return expanded(action.command, values, expandCommand);
    case "lmtp":
      return action.destination.kind === "endpoint"
        ? formatEndpoint(action.destination.endpoint)
        : expanded(action.destination.format, values, expandFormat);
    case "mbox":
      return `${MAIL_SPOOL}/${values.username}`;
    case "forward-only":
    case "expand-only":
      return "";
    default:
      return unreachable(action);
  }
}

function expanded(format: Format, values: FormatValues, expand: typeof expandFormat): string {
  const text = expand(format, values);
  return typeof text === "string" ? text : `${format.source} (${text.reason})`;
}
