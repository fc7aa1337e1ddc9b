/**
 * What the parent decides of local deliveries, by its own configuration and the tables of
 * that: as whom they are done (delivery-accounts.ts), and what an agent may do for each
 * (warrants.ts).
 */
import type { Config } from "#model/config/config.ts";
import type { LookupQuestion } from "#model/ipc/lookup-link.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { mayListExecute } from "#policy/expand/delivered-by.ts";
import type { PooledAgent } from "./agent-pool.ts";
import { DeliveryAccounts } from "./delivery-accounts.ts";
import { MailboxKeeper } from "./mailbox-keeper.ts";
import type { ParentPorts, ParentSettings } from "./parent-settings.ts";
import { ParentTables } from "./parent-tables.ts";
import { Warrants } from "./warrants.ts";

export interface RightsOwner {
  /** The configuration that is in use. */
  readonly config: () => Config;
  /** Lost if lookup does not run. */
  readonly askLookup: (question: LookupQuestion) => void;
  /** Somebody has asked for what no configuration leads to. */
  readonly alert: (text: string) => void;
}

export class DeliveryRights<End> {
  readonly accounts: DeliveryAccounts;
  readonly tables: ParentTables;
  readonly #warrants: Warrants;
  readonly #alert: (text: string) => void;

  constructor(
    ports: Omit<ParentPorts, "tls">,
    { isRoot, accounts: ofRoles }: Pick<ParentSettings, "isRoot" | "accounts">,
    { config, askLookup, alert }: RightsOwner,
  ) {
    this.#alert = alert;
    this.tables = new ParentTables(ports.clock, config, askLookup);
    this.accounts = new DeliveryAccounts({
      users: ports.users,
      config,
      askTable: this.tables.ask,
      isRoot,
      daemonUids: new Set([...ofRoles.values()].map(({ uid }) => uid)),
    });
    this.#warrants = new Warrants({
      accounts: this.accounts,
      tables: this.tables,
      keeper: new MailboxKeeper(ports, process.pid),
      config,
      isRoot,
      alert,
    });
  }

  /** What an agent says about its deliveries. */
  async agentSays(message: ChildToParent, agent: PooledAgent<End>): Promise<void> {
    if (agent.process.congested) {
      // Answers would gather here without end.
      this.#alert(`agent ${agent.account.name} asks and does not read the answers: killed`);
      agent.process.renew();
      return;
    }
    if (message.kind === "warrant-done") await this.#warrants.done(agent, message.request);
    if (message.kind !== "warrant-wanted") return;
    const { request, wanted } = message;
    const warrant = await this.#warrants.answer(agent, request, wanted);
    agent.process.send({ kind: "warrant", request, warrant });
  }

  agentGone(agent: PooledAgent<End>): Promise<void> {
    return this.#warrants.gone(agent);
  }
}

/** Only what a command runs may need more rights than its user has: mail programs are set-gid at times. */
export function runsCommands({ actions }: Config): boolean {
  return [...actions.values()].some(
    (action) => action.kind === "mda" || (action.kind !== "relay" && mayListExecute(action)),
  );
}
