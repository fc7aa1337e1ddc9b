/**
 * As whom the daemon acts for a delivery: the parent's own answer, whatever it was asked
 * with. The action is looked up in its own configuration, the account in the action's
 * userbase or the system's user database, and uid 0, gid 0 and the daemon's own users are
 * refused, whoever asks and however they are called.
 */
import type { User, Users } from "#base/ports/users.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import { COMMAND_USER, DAEMON_USERS } from "#model/daemon-users.ts";
import { isDeliveredByAgent, mayListExecute } from "#policy/expand/delivered-by.ts";
import { deliveryAccount } from "#policy/expand/delivery-account.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import { accountOf } from "./account-of.ts";

export interface AccountRequest {
  readonly action: string;
  readonly user: string;
}

export type AccountAnswer =
  /** Under the name by which a dispatcher waits for its agent. */
  | { readonly kind: "account"; readonly account: User }
  | { readonly kind: "refused"; readonly why: string }
  /** What no configuration may lead to. */
  | { readonly kind: "forbidden"; readonly why: string };

export interface AccountParties {
  readonly users: Users;
  /** The configuration that is in use. */
  config(): Config;
  readonly askTable: AskTable;
  /** Without root every agent runs as the parent's own user. */
  readonly isRoot: boolean;
  /** Numbers of the users that the daemon's processes run as: they may have other names too. */
  readonly daemonUids: ReadonlySet<number>;
}

export class DeliveryAccounts {
  readonly #parties: AccountParties;

  constructor(parties: AccountParties) {
    this.#parties = parties;
  }

  async find({ action: name, user }: AccountRequest): Promise<AccountAnswer> {
    const config = this.#parties.config();
    const action = config.actions.get(name);
    if (action === undefined || action.kind === "relay" || !hasAgent(action))
      return refused("No such local action");
    if (isCommandUser(action, user)) return this.#commandAccount(action);
    if (isDaemonUser(action.user ?? user)) return OF_DAEMON;
    const { users, askTable } = this.#parties;
    const { subAddressDelimiter } = config;
    const answer = await deliveryAccount(action, user, { users, subAddressDelimiter, askTable });
    if (answer.kind === "absent") return refused("No such user");
    if (answer.kind === "unavailable") return refused("The user database is unavailable");
    return this.#judged(answer.value, accountOf(action, answer.value.name));
  }

  /** For commands and files of aliases alone, and only where they may be used. */
  async #commandAccount({ aliases }: LocalAction): Promise<AccountAnswer> {
    if (aliases?.allowExec !== true) return OF_DAEMON;
    const { users, isRoot } = this.#parties;
    const answer = await users.lookup(COMMAND_USER);
    if (answer.kind === "found") return this.#judged(answer.value, COMMAND_USER);
    if (answer.kind === "unavailable") return refused("The user database is unavailable");
    // Without root there is but one user, and no need for the daemon's.
    return isRoot
      ? refused(`There is no user ${COMMAND_USER}`)
      : { kind: "account", account: SELF };
  }

  #judged(account: User, name: string): AccountAnswer {
    const { uid, gid } = account;
    if (this.#parties.isRoot && (uid === 0 || gid === 0))
      return { kind: "forbidden", why: "Never delivers as root" };
    if (this.#parties.daemonUids.has(uid)) return OF_DAEMON;
    return { kind: "account", account: { ...account, name } };
  }
}

const OF_DAEMON: AccountAnswer = {
  kind: "forbidden",
  why: "Never delivers to a user of the daemon",
};

/** Numbers of no meaning: no process is given them. */
const SELF: User = { name: COMMAND_USER, uid: 0xffff_fffe, gid: 0xffff_fffe, home: "/" };

function refused(why: string): AccountAnswer {
  return { kind: "refused", why };
}

function hasAgent(action: LocalAction): boolean {
  return isDeliveredByAgent(action, mayListExecute(action)) || readsForwardFile(action);
}

function isCommandUser(action: LocalAction, user: string): boolean {
  return action.user === undefined && user === COMMAND_USER;
}

function isDaemonUser(name: string): boolean {
  return name === "root" || DAEMON_USERS.includes(name);
}
