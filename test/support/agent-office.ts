/** The parent's agents, without a process of them: users, accounts and children are a test's. */
import assert from "node:assert/strict";
import type { User } from "#base/ports/users.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import { Agents } from "#processes/agents.ts";
import { DeliveryAccounts } from "#processes/delivery-accounts.ts";
import { ParentTables } from "#processes/parent-tables.ts";
import type { Config } from "#model/config/config.ts";
import { Joins } from "#processes/joins.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimUsers } from "#world/sim/users.ts";
import { configOf } from "./config-of.ts";
import { EMPTY_SLICE } from "./empty-slice.ts";
import { FakeChild, type FakeEnd, FakePairs } from "./fake-child.ts";

const CONFIG = configOf(
  'action "own" maildir',
  'action "shared" maildir "/mail/%{dest.user}" user vmail',
  'action "rooted" maildir "/mail/%{dest.user}" user toor',
  'action "out" relay',
  'action "over" lmtp "/run/lmtp.sock"',
  'action "forwards" lmtp "/run/lmtp.sock" forward-file',
  "table users { bea = 2001:2001:/v/bea, zero = 0:2001:/v/zero, wheeled = 2001:0:/v/group, twin = 901:901:/v }",
  'action "based" maildir userbase <users>',
  'table lists { run = "|/usr/bin/tool" }',
  'action "exec" maildir alias <lists> allow-exec',
  'action "plain" maildir alias <lists>',
  'action "spool" mbox',
  'action "run" mda "/usr/bin/tool"',
  'action "homes" lmtp "~/lmtp.sock"',
  'match from any for any action "own"',
);

function config(): Config {
  return CONFIG;
}

export const MAX_AGENTS = 4;

export function userOf(name: string, uid: number, gid: number = uid): User {
  return { name, uid, gid, home: `/home/${name}` };
}

/** Agents that are not there, with those who ask for them. */
export class Office {
  readonly clock: SimClock = new SimClock();
  readonly users: SimUsers = new SimUsers([
    userOf("ann", 1001),
    userOf("vmail", 500),
    userOf("root", 0),
    userOf("toor", 0),
    userOf("wheel", 1002, 0),
    ...DAEMON_USERS.map((name, n) => userOf(name, 900 + n)),
    userOf("spool", 901),
  ]);
  readonly pairs: FakePairs = new FakePairs();
  readonly dispatcher: FakeChild = new FakeChild();
  readonly launched: { readonly user: User; readonly child: FakeChild }[] = [];
  readonly warnings: string[] = [];
  readonly alerts: string[] = [];
  /** Accounts of agents that have ended. */
  readonly gone: string[] = [];
  readonly tables: ParentTables;
  readonly accounts: DeliveryAccounts;
  readonly joins: Joins<FakeEnd> = new Joins<FakeEnd>(this.clock, this.pairs);
  generation = 0;
  readonly agents: Agents<FakeEnd>;

  constructor(isRoot = true) {
    this.dispatcher.link.start({
      message: (message) => {
        if (message.kind === "joined") this.joins.arrived(message.number);
      },
      closed: () => undefined,
    });
    this.tables = new ParentTables(this.clock, config, () => undefined);
    this.accounts = new DeliveryAccounts({
      users: this.users,
      config,
      askTable: this.tables.ask,
      isRoot,
      daemonUids: new Set([900, 901, 903]),
    });
    this.agents = new Agents<FakeEnd>(this, this.joins, {
      generation: () => this.generation,
      maxAgents: () => MAX_AGENTS,
      says: () => undefined,
      gone: (agent) => this.gone.push(agent.account.name),
      alert: (text) => this.alerts.push(text),
      launch: (user) => {
        const child = new FakeChild();
        this.launched.push({ user, child });
        return child;
      },
      slice: () => EMPTY_SLICE,
      warn: (text) => this.warnings.push(text),
    });
  }

  /** As many agents as may be, each asked for a little later than the one before. */
  static async full(): Promise<Office> {
    const office = new Office();
    for (let n = 0; n < MAX_AGENTS; n++) {
      office.users.set(userOf(`user${n}`, 2000 + n));
      await office.connected("own", `user${n}`);
      await office.clock.advance(1);
    }
    return office;
  }

  /** Whose agents were asked to end. */
  get asked(): readonly string[] {
    return this.launched
      .filter(({ child }) => child.told.some(({ kind }) => kind === "shutdown"))
      .map(({ user }) => user.name);
  }

  /** The last one that was started for `name`. */
  childOf(name: string): FakeChild {
    const launched = this.launched.findLast(({ user }) => user.name === name);
    assert.ok(launched !== undefined, name);
    return launched.child;
  }

  connect(action: string, user: string): Promise<string | undefined> {
    return this.agents.connect({ action, user }, this.dispatcher);
  }

  /** Connects, and lets the agent that is started for it run. */
  async connected(action: string, user: string): Promise<string | undefined> {
    const answer = this.connect(action, user);
    await this.clock.settle();
    this.launched.at(-1)?.child.says({ kind: "ready" });
    return answer;
  }
}
