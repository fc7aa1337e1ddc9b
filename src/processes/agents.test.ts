import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMAND_USER, DAEMON_USERS } from "#model/daemon-users.ts";
import { Office, userOf } from "#test/support/agent-office.ts";

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

for (const action of ["exec", "spool", "run", "homes"]) {
  test(`the action "${action}" has an agent of the recipient's`, async () => {
    const office = new Office();
    assert.equal(await office.connected(action, "ann"), undefined);
    assert.deepEqual(
      office.launched.map(({ user }) => user.name),
      ["ann"],
    );
  });
}

test("commands of aliases have an agent of their own user, where they may be used at all", async () => {
  const office = new Office();
  assert.equal(await office.connected("exec", COMMAND_USER), undefined);
  assert.deepEqual(
    office.launched.map(({ user }) => user.name),
    [COMMAND_USER],
  );
  assert.match((await office.connect("plain", COMMAND_USER)) ?? "", /user of the daemon/u);
  assert.match((await office.connect("spool", COMMAND_USER)) ?? "", /user of the daemon/u);
  assert.equal(office.launched.length, 1);
});

test("who asks for root or a user of the daemon is told of as an alert, and others are not", async () => {
  const office = new Office();
  for (const user of ["root", "toor", "_smtpq", "nobody-here"]) await office.connect("own", user);
  assert.deepEqual(office.alerts, [
    'a delivery agent was refused: Never delivers to a user of the daemon (action "own", user "root")',
    'a delivery agent was refused: Never delivers as root (action "own", user "toor")',
    'a delivery agent was refused: Never delivers to a user of the daemon (action "own", user "_smtpq")',
  ]);
});

test("an agent that has ended is told of, however it ended", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  await office.connected("shared", "ben");
  office.launched[0]?.child.exits("ended by SIGKILL");
  await office.clock.settle();
  assert.deepEqual(office.gone, ["ann"]);
  const stopped = office.agents.stop(5_000);
  office.launched[1]?.child.exits("exited with 0");
  await office.clock.runUntilSettled(stopped, 6_000);
  assert.deepEqual(office.gone, ["ann", "vmail"]);
});

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

test("an agent that takes no socket is asked to end, killed in the end, and another is started", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  const [{ child: stuck } = assert.fail("none was started")] = office.launched;
  stuck.losesHandovers = true;
  const answer = office.connect("own", "ann");
  await office.clock.advance(10_000);
  assert.match((await answer) ?? "", /did not arrive/u);
  assert.deepEqual(office.asked, ["ann"]);
  await office.clock.advance(31_000);
  assert.deepEqual(stuck.signals, ["SIGKILL"]);
  assert.equal(await office.connected("own", "ann"), undefined);
  assert.equal(office.launched.length, 2);
});

test("an agent is not ended because its dispatcher could take no socket", async () => {
  const office = new Office();
  await office.connected("own", "ann");
  office.dispatcher.losesHandovers = true;
  const answer = office.connect("own", "ann");
  await office.clock.advance(10_000);
  assert.match((await answer) ?? "", /did not arrive/u);
  assert.deepEqual(office.asked, []);
});
