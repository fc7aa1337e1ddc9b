/**
 * Whether an action delivers to an account: that of the recipient, in the userbase or
 * among the system's users, and never one of uid 0 (nooSMTPD), also where the action
 * delivers everything as one user; nor a user of the daemon, whom no agent would run as.
 *
 * With `user NAME` and no userbase the recipient need not be an account, except under
 * `compat opensmtpd`, where it must, as there.
 */
import { andThen } from "#base/and-then.ts";
import type { Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { Table } from "#model/config/table.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import type { ReasonAnswer, Tell } from "#model/reason.ts";
import type { TableAnswer, TableLookup } from "#policy/tables/answers.ts";
import { parseUserinfo } from "#model/table-values.ts";
import { isAccountName } from "./account-name.ts";

export type AccountAnswer =
  /** `name` as the database spells it. */
  | { readonly kind: "account"; readonly name: string }
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "unavailable"; readonly why: string };

/** OpenSMTPD's name for the system's users as a table. */
const SYSTEM_USERS = "<getpwnam>";

export interface AccountSettings {
  readonly compat: "none" | "opensmtpd";
  readonly users: Users;
  userbase(table: Table): TableLookup;
}

export class Accounts {
  readonly #settings: AccountSettings;
  /** Users of actions that are known not to be root. */
  readonly #unprivileged = new Set<string>();

  constructor(settings: AccountSettings) {
    this.#settings = settings;
  }

  /** The account that `name`, in lower case and without a tag, is to `action`. */
  find(
    action: LocalAction,
    name: string,
    tell: Tell | undefined,
  ): AccountAnswer | Promise<AccountAnswer> {
    if (name === "") return none("an empty local part");
    const { user } = action;
    if (user === undefined && DAEMON_USERS.includes(name))
      return none("never delivers to a user of the daemon");
    const own = this.#ownAccount(action, name, tell);
    if (user === undefined || this.#unprivileged.has(user)) return own;
    return andThen(own, (answer) =>
      answer.kind === "account" ? this.#deliveredAs(user, answer, tell) : answer,
    );
  }

  #ownAccount(
    action: LocalAction,
    name: string,
    tell: Tell | undefined,
  ): AccountAnswer | Promise<AccountAnswer> {
    if (action.userbase !== undefined) {
      const { name: userbase } = action.userbase;
      return andThen(this.#settings.userbase(action.userbase)(name), (answer) => {
        tell?.({ kind: "user-lookup", userbase, user: name, answer: toldAnswer(answer) });
        return judgeUserinfo(name, answer);
      });
    }
    const isFree = action.user !== undefined && this.#settings.compat === "none";
    if (isFree) return { kind: "account", name };
    if (!isAccountName(name)) return none("no account can have this name");
    return this.#settings.users.lookup(name).then((answer) => {
      tell?.({ kind: "user-lookup", userbase: SYSTEM_USERS, user: name, answer: toldUser(answer) });
      return judgeUser(answer);
    });
  }

  /** Only root is refused here: whether the user is there is the delivery's business. */
  async #deliveredAs(
    user: string,
    own: AccountAnswer,
    tell: Tell | undefined,
  ): Promise<AccountAnswer> {
    const answer = await this.#settings.users.lookup(user);
    tell?.({ kind: "user-lookup", userbase: SYSTEM_USERS, user, answer: toldUser(answer) });
    if (answer.kind !== "found") return own;
    if (answer.value.uid === 0) return none("the action's user has uid 0");
    this.#unprivileged.add(user);
    return own;
  }
}

function judgeUser(answer: Lookup<User>): AccountAnswer {
  if (answer.kind === "unavailable") return { kind: "unavailable", why: answer.cause.message };
  if (answer.kind === "absent") return none("no such user");
  const { uid, name } = answer.value;
  return uid === 0 ? none("never delivers to uid 0") : { kind: "account", name };
}

function judgeUserinfo(name: string, answer: TableAnswer): AccountAnswer {
  if (answer.kind === "unavailable") return { kind: "unavailable", why: answer.cause.message };
  if (answer.kind === "absent") return none("not in the userbase");
  const userinfo = parseUserinfo(answer.value);
  if (userinfo === undefined)
    return { kind: "unavailable", why: "the userbase has no UID:GID:HOME for it" };
  return userinfo.uid === 0 ? none("never delivers to uid 0") : { kind: "account", name };
}

function none(why: string): AccountAnswer {
  return { kind: "none", why };
}

/** An answer of a table, as a step tells it. */
export function toldAnswer(answer: TableAnswer): ReasonAnswer {
  return answer.kind === "unavailable"
    ? { kind: "unavailable", why: answer.cause.message }
    : answer;
}

function toldUser(answer: Lookup<User>): ReasonAnswer {
  if (answer.kind === "unavailable") return { kind: "unavailable", why: answer.cause.message };
  if (answer.kind === "absent") return { kind: "absent" };
  const { uid, gid, home } = answer.value;
  return { kind: "found", value: `${uid}:${gid}:${home}` };
}
