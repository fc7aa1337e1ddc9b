import assert from "node:assert/strict";
import { test } from "node:test";
import type { User } from "#base/ports/users.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimUsers } from "#world/sim/users.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { FakeChild, type FakeEnd, FakePairs } from "#test/support/fake-child.ts";
import { configOf } from "#test/support/config-of.ts";
import { maxAgentsFor } from "./agent-pool.ts";
import { Agents } from "./agents.ts";
import { Joins } from "./joins.ts";
import { DAEMON_USERS } from "./roles.ts";

const CONFIG = configOf(
  'action "own" maildir',
  'action "shared" maildir "/mail/%{dest.user}" user vmail',
  'action "rooted" maildir "/mail/%{dest.user}" user toor',
  'action "out" relay',
  'action "over" lmtp "/run/lmtp.sock"',
  'action "forwards" lmtp "/run/lmtp.sock" forward-file',
  "table users { bea = 2001:2001:/v/bea, zero = 0:2001:/v/zero, wheeled = 2001:0:/v/group, twin = 901:901:/v }",
  'action "based" maildir userbase <users>',
  'match from any for any action "own"',
);

const MAX_AGENTS = 4;

function userOf(name: string, uid: number, gid = uid): User {
  return { name, uid, gid, home: `/home/${name}` };
}

class Office {
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
  readonly joins = new Joins<FakeEnd>(this.clock, this.pairs);
  generation = 0;
  readonly agents: Agents<FakeEnd>;

  constructor(isRoot = true) {
    this.dispatcher.link.start({
      message: (message) => {
        if (message.kind === "joined") this.joins.arrived(message.number);
      },
      closed: () => undefined,
    });
    this.agents = new Agents<FakeEnd>(this, this.joins, {
      config: () => ({ config: CONFIG, generation: this.generation }),
      maxAgents: () => MAX_AGENTS,
      isRoot,
      daemonUids: new Set([900, 901, 903]),
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

interface Refusal {
  readonly name: string;
  readonly action: string;
  readonly user: string;
  readonly why: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "an action that the configuration does not have",
    action: "none",
    user: "ann",
    why: /No such local action/u,
  },
  { name: "an action that relays", action: "out", user: "ann", why: /No such local action/u },
  { name: "an action that speaks LMTP", action: "over", user: "ann", why: /No such local action/u },
  {
    name: "a name of an object's own",
    action: "__proto__",
    user: "ann",
    why: /No such local action/u,
  },
  { name: "root", action: "own", user: "root", why: /Never delivers/u },
  {
    name: "an account with uid 0 under another name",
    action: "own",
    user: "toor",
    why: /Never delivers as root/u,
  },
  { name: "an account with gid 0", action: "own", user: "wheel", why: /Never delivers as root/u },
  {
    name: "an action whose own user is root",
    action: "rooted",
    user: "ann",
    why: /Never delivers as root/u,
  },
  {
    name: "the uid of a user of the daemon under another name",
    action: "own",
    user: "spool",
    why: /user of the daemon/u,
  },
  { name: "a user that does not exist", action: "own", user: "nobody-here", why: /No such user/u },
  { name: "an empty user", action: "own", user: "", why: /No such user/u },
  { name: "root's forward file", action: "forwards", user: "root", why: /Never delivers/u },
  { name: "a user that is in no userbase", action: "based", user: "ann", why: /No such user/u },
  { name: "uid 0 of a userbase", action: "based", user: "zero", why: /as root/u },
  { name: "gid 0 of a userbase", action: "based", user: "wheeled", why: /as root/u },
  {
    name: "a uid of the daemon in a userbase",
    action: "based",
    user: "twin",
    why: /of the daemon/u,
  },
  ...DAEMON_USERS.map((user) => ({ name: user, action: "own", user, why: /user of the daemon/u })),
];

for (const { name, action, user, why } of REFUSALS) {
  test(`the safety net refuses ${name}, and starts nothing`, async () => {
    const office = new Office();
    assert.match((await office.connect(action, user)) ?? "connected", why);
    assert.deepEqual(office.launched, []);
    assert.deepEqual(office.dispatcher.handovers, []);
  });
}

test("a forward file has an agent, whatever then delivers", async () => {
  const office = new Office();
  assert.equal(await office.connected("forwards", "ann"), undefined);
  assert.deepEqual(
    office.launched.map(({ user }) => user),
    [userOf("ann", 1001)],
  );
});

test("a user of a userbase has an agent of its own, told from the system's by its name", async () => {
  const office = new Office();
  assert.equal(await office.connected("based", "bea"), undefined);
  const user = { name: "<users>/bea", uid: 2001, gid: 2001, home: "/v/bea" };
  assert.deepEqual(
    office.launched.map((each) => each.user),
    [user],
  );
  assert.deepEqual(office.dispatcher.handovers.at(-1)?.handover, {
    to: "agent",
    name: "<users>/bea",
    generation: 0,
    number: 2,
  });
});

test("a user database that does not answer is no reason to guess", async () => {
  const office = new Office();
  office.users.fail(new Error("no LDAP"));
  assert.match((await office.connect("own", "ann")) ?? "", /unavailable/u);
  assert.deepEqual(office.launched, []);
});

test("the agent runs as the account that the user database gives, with its home", async () => {
  const office = new Office();
  assert.equal(await office.connected("own", "ann"), undefined);
  assert.deepEqual(
    office.launched.map(({ user }) => user),
    [userOf("ann", 1001)],
  );
});

test("the user of the action goes before the one that the dispatcher names", async () => {
  const office = new Office();
  assert.equal(await office.connected("shared", "root"), undefined);
  assert.deepEqual(
    office.launched.map(({ user }) => user.name),
    ["vmail"],
  );
});

test("agent and dispatcher get the two ends of one pair", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  const [atAgent] = office.launched[0]?.child.handovers ?? [];
  const [atDispatcher] = office.dispatcher.handovers;
  assert.deepEqual(atAgent?.handover, {
    to: "dispatcher",
    name: "",
    generation: 0,
    number: 1,
  });
  assert.deepEqual(atDispatcher?.handover, {
    to: "agent",
    name: "ann",
    generation: 0,
    number: 2,
  });
  assert.equal(atAgent.end.pair, atDispatcher.end.pair);
  assert.notEqual(atAgent.end, atDispatcher.end);
});

test("one agent serves an account, whoever asks and however often", async () => {
  const office = new Office();
  const both = [office.connect("shared", "ann"), office.connect("shared", "ben")];
  await office.clock.settle();
  office.launched[0]?.child.says({ kind: "ready" });
  assert.deepEqual(await Promise.all(both), [undefined, undefined]);
  assert.equal(await office.connect("shared", "carla"), undefined);
  assert.equal(office.launched.length, 1);
  assert.equal(office.launched[0]?.child.handovers.length, 3);
});

test("an agent that dies while it starts is a refusal, and the next request starts another", async () => {
  const office = new Office();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  office.launched[0]?.child.exits("exited with 1");
  assert.match((await answer) ?? "", /could not be started/u);
  assert.deepEqual(office.warnings, ["agent ann exited with 1"]);
  assert.equal(await office.connected("own", "ann"), undefined);
  assert.equal(office.launched.length, 2);
});

test("an agent that says why it cannot start is a refusal", async () => {
  const office = new Office();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  office.launched[0]?.child.says({ kind: "cannot-start", why: "no home" });
  assert.match((await answer) ?? "", /could not be started/u);
  assert.deepEqual(office.warnings, ["agent ann: no home"]);
});

test("a running agent that dies is not started again until somebody asks", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  office.launched[0]?.child.exits("ended by SIGSEGV");
  await office.clock.advance(600_000);
  assert.equal(office.launched.length, 1);
  assert.equal(await office.connected("own", "ann"), undefined);
  assert.equal(office.launched.length, 2);
});

test("an agent that has stopped by itself makes place for a new one", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  office.launched[0]?.child.says({ kind: "stopped" });
  office.launched[0]?.child.exits("exited with 0");
  await office.clock.settle();
  assert.deepEqual(office.warnings, []);
  assert.equal(await office.connected("own", "ann"), undefined);
  assert.equal(office.launched.length, 2);
});

/** The clock reaches a time of which the pool has not told. */
const A_MOMENT_MS = 1_000;

test("the agent that was asked for least recently makes room, with time to finish", async () => {
  const office = await Office.full();
  await office.connect("own", "user0");
  await office.clock.advance(A_MOMENT_MS);
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  assert.deepEqual(office.asked, ["user1"]);
  assert.deepEqual(office.childOf("user1").signals, []);
  assert.equal(office.launched.length, MAX_AGENTS, "its place is taken until it is gone");
  office.childOf("user1").exits("exited with 0");
  await office.clock.settle();
  office.childOf("ann").says({ kind: "ready" });
  assert.equal(await answer, undefined);
});

test("an agent that does not go is killed in the end, and its place is free", async () => {
  const office = await Office.full();
  await office.clock.advance(A_MOMENT_MS);
  void office.connect("own", "ann");
  await office.clock.advance(29_000);
  assert.deepEqual(office.childOf("user0").signals, []);
  await office.clock.advance(2_000);
  assert.deepEqual(office.childOf("user0").signals, ["SIGKILL"]);
  assert.equal(office.launched.at(-1)?.user.name, "ann");
});

test("an agent that was just handed over is left the time to be given something", async () => {
  const office = await Office.full();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  assert.deepEqual(office.asked, []);
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0"]);
  office.childOf("user0").exits("exited with 0");
  await office.clock.settle();
  office.childOf("ann").says({ kind: "ready" });
  assert.equal(await answer, undefined);
});

test("an agent that took long to start is not asked to end before it was handed over", async () => {
  const office = new Office();
  for (let n = 0; n <= MAX_AGENTS; n++) office.users.set(userOf(`user${n}`, 2000 + n));
  const answers = Array.from({ length: MAX_AGENTS + 1 }, (_, n) =>
    office.connect("own", `user${n}`),
  );
  await office.clock.advance(A_MOMENT_MS);
  for (const { child } of office.launched) child.says({ kind: "ready" });
  assert.deepEqual(await Promise.all(answers.slice(0, MAX_AGENTS)), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(office.asked, []);
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0"]);
});

test("as many agents make room as others wait, and each waiting account is served in turn", async () => {
  const office = await Office.full();
  const names = ["ben", "carla", "dora"];
  for (const [n, name] of names.entries()) office.users.set(userOf(name, 3000 + n));
  const answers = names.map((name) => office.connect("own", name));
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0", "user1", "user2"]);
  for (const name of office.asked) office.childOf(name).exits("exited with 0");
  await office.clock.settle();
  for (const name of names) office.childOf(name).says({ kind: "ready" });
  assert.deepEqual(await Promise.all(answers), [undefined, undefined, undefined]);
});

test("who finds no place in time is refused", async () => {
  const office = await Office.full();
  for (const { child } of office.launched) child.kill = () => undefined;
  const answer = office.connect("own", "ann");
  await office.clock.advance(51_000);
  assert.match((await answer) ?? "", /No place/u);
  assert.equal(office.launched.length, MAX_AGENTS);
});

test("an agent that cannot be started for lack of descriptors is a refusal, and the parent goes on", async () => {
  const office = new Office();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  // As launch.ts makes a child that the system refuses.
  office.childOf("ann").exits("could not be started: spawn node EMFILE");
  assert.match((await answer) ?? "", /could not be started/u);
  assert.deepEqual(office.warnings, ["agent ann could not be started: spawn node EMFILE"]);
  assert.equal(await office.connected("own", "ann"), undefined);
});

test("a pair that cannot be made is a refusal, and the next request is served", async () => {
  const office = new Office();
  office.pairs.fault = "connect EMFILE";
  assert.match((await office.connected("own", "ann")) ?? "", /connect EMFILE/u);
  office.pairs.fault = undefined;
  assert.equal(await office.connect("own", "ann"), undefined);
});

test("a dispatcher that does not get its end is refused in time, and may ask again", async () => {
  const office = new Office();
  office.dispatcher.losesHandovers = true;
  const answer = office.connected("own", "ann");
  await office.clock.runUntilSettled(answer, 11_000);
  assert.match((await answer) ?? "", /did not arrive/u);
  office.dispatcher.losesHandovers = false;
  assert.equal(await office.connect("own", "ann"), undefined);
});

test("of the descriptors that a process may have, agents take what others leave", () => {
  const children = 4;
  const bounds = [16, 64, 128, 256, 1024, 1_048_576].map((maxOpenFiles) => {
    return maxAgentsFor(maxOpenFiles, children, 2);
  });
  assert.deepEqual(bounds, [1, 1, 17, 49, 64, 64]);
});

test("stopping asks every agent and kills those that do not go", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  await office.connected("shared", "ben");
  const stopped = office.agents.stop(5_000);
  office.launched[0]?.child.exits("exited with 0");
  await office.clock.runUntilSettled(stopped, 6_000);
  assert.deepEqual(
    office.launched.map(({ child }) => child.signals),
    [[], ["SIGKILL"]],
  );
});

test("without root nothing is refused for its number: all agents are the one user", async () => {
  const office = new Office(false);
  assert.equal(await office.connected("own", "wheel"), undefined);
});

test("under another configuration an account gets another agent; the one that was may finish", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  office.generation = 1;
  office.agents.takeUp();
  await office.connected("own", "ann");
  assert.equal(office.launched.length, 2);
  assert.deepEqual(office.launched[0]?.child.signals, []);
  assert.deepEqual(
    office.dispatcher.handovers.map(({ handover }) => handover.generation),
    [0, 1],
  );
});

test("an agent that was not ready when the configuration changed is not handed out", async () => {
  const office = new Office();
  const connected = office.connect("own", "ann");
  await office.clock.settle();
  office.generation = 1;
  office.agents.takeUp();
  office.launched[0]?.child.says({ kind: "ready" });
  await office.clock.settle();
  assert.equal(office.launched.length, 2);
  office.launched[1]?.child.says({ kind: "ready" });
  assert.equal(await connected, undefined);
  assert.deepEqual(
    office.dispatcher.handovers.map(({ handover }) => handover.generation),
    [1],
  );
});
