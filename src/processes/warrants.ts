/**
 * The parent's answers to agents that ask what they may do for a delivery: the safety net
 * of commands, files and mailboxes.
 *
 * An agent says for which action and user it was given mail; both are looked up again, and
 * must lead to the account that it runs as. What may be done is then the configuration's
 * to say (policy/expand/warrant.ts). Whatever it cannot lead to is refused and told to the
 * log as an alert. A lock that an agent was given goes when it says so, or ends.
 */
import type { User } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { GrantedWarrant, WarrantRequest } from "#model/warrant.ts";
import { aliasListOf, warrantFor } from "#policy/expand/warrant.ts";
import type { DeliveryAccounts } from "./delivery-accounts.ts";
import type { MailboxKeeper } from "./mailbox-keeper.ts";
import type { ParentTables } from "./parent-tables.ts";

/** Requests of one agent at once; mda limits are far below. */
const MAX_UNDER_WAY = 256;

/** An agent, by the account that it was started for. */
export interface AskingAgent {
  readonly account: User;
}

export interface WarrantParties {
  readonly accounts: DeliveryAccounts;
  readonly tables: ParentTables;
  readonly keeper: MailboxKeeper;
  config(): Config;
  /** A mailbox that is made is given to its owner. */
  readonly isRoot: boolean;
  alert(text: string): void;
}

/** Undefined while its mailbox is being opened. */
type Release = (() => Promise<void>) | undefined;

export class Warrants {
  readonly #parties: WarrantParties;
  /** What is under way, by agent and the number of its request. */
  readonly #underWay = new Map<AskingAgent, Map<number, Release>>();

  constructor(parties: WarrantParties) {
    this.#parties = parties;
  }

  async answer(
    agent: AskingAgent,
    request: number,
    wanted: WarrantRequest,
  ): Promise<GrantedWarrant> {
    const mine = this.#underWay.get(agent) ?? new Map<number, Release>();
    this.#underWay.set(agent, mine);
    if (mine.size >= MAX_UNDER_WAY || mine.has(request))
      return { kind: "unavailable", why: "Too many deliveries at once" };
    mine.set(request, undefined);
    const warrant = await this.#answer(agent, request, wanted);
    if (warrant.kind !== "mailbox") this.#forget(agent, request);
    if (warrant.kind === "refused") this.#alert(agent, wanted, warrant.why);
    return warrant;
  }

  /** The delivery has ended. */
  async done(agent: AskingAgent, request: number): Promise<void> {
    const release = this.#underWay.get(agent)?.get(request);
    if (release === undefined) return;
    this.#forget(agent, request);
    await release();
  }

  /** The agent has ended, and with it whatever it did. */
  async gone(agent: AskingAgent): Promise<void> {
    const mine = this.#underWay.get(agent);
    this.#underWay.delete(agent);
    for (const release of mine?.values() ?? []) await release?.();
  }

  #forget(agent: AskingAgent, request: number): void {
    this.#underWay.get(agent)?.delete(request);
  }

  async #answer(
    agent: AskingAgent,
    request: number,
    wanted: WarrantRequest,
  ): Promise<GrantedWarrant> {
    const { accounts, tables, isRoot } = this.#parties;
    const found = await accounts.find(wanted);
    if (found.kind !== "account") return { kind: "refused", why: found.why };
    const { account } = found;
    if (account.name !== agent.account.name || account.uid !== agent.account.uid)
      return { kind: "refused", why: "It is not for this account" };
    const warrant = await warrantFor(wanted, {
      config: this.#parties.config(),
      home: account.home,
      list: (action, key) => aliasListOf(tables.ask, action, key),
      include: (path) => tables.includes.list(path),
    });
    if (warrant.kind !== "mailbox") return warrant;
    const { uid, gid } = account;
    const opened = await this.#parties.keeper.open(wanted.user, isRoot ? { uid, gid } : undefined);
    if (opened.kind === "unavailable") return opened;
    const mine = this.#underWay.get(agent);
    if (mine === undefined) {
      await opened.release();
      return { kind: "unavailable", why: "The delivery agent is gone" };
    }
    mine.set(request, () => opened.release());
    return { kind: "mailbox", path: opened.path };
  }

  #alert({ account }: AskingAgent, { action, user, listed }: WarrantRequest, why: string): void {
    const of = listed === undefined ? "" : `, ${listed.kind} ${JSON.stringify(listed.text)}`;
    const what = `action ${JSON.stringify(action)}, user ${JSON.stringify(user)}${of}`;
    this.#parties.alert(`agent ${account.name} was refused: ${why} (${what})`);
  }
}
