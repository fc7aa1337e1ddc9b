/**
 * A dispatcher or queue that was taken over: it gives agents mail with whatever action, user,
 * trail, command and file it likes. Nothing that the configuration does not lead to is run or
 * written, and each attempt is an alert in the log.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { User } from "#base/ports/users.ts";
import { Observer } from "#engine/observe/observer.ts";
import type { Config } from "#model/config/config.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import type { Envelope, Transport, TrailStep } from "#model/envelope.ts";
import { AgentDeliveries } from "#processes/agent-deliveries.ts";
import { configSlice } from "#processes/config-slice.ts";
import { DeliveryAccounts } from "#processes/delivery-accounts.ts";
import { MailboxKeeper } from "#processes/mailbox-keeper.ts";
import { ParentTables } from "#processes/parent-tables.ts";
import { WarrantAsker } from "#processes/warrant-asker.ts";
import { Warrants } from "#processes/warrants.ts";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import { parentLink } from "#test/support/parent-link.ts";
import { ended, SimCommands } from "#world/sim/commands.ts";
import { SimUsers } from "#world/sim/users.ts";
import { SimWorld } from "#world/sim/world.ts";

const CONFIG = configOf(
  'table lists { run = "|/usr/bin/tool", box = "/srv/box" }',
  'action "exec" maildir alias <lists> allow-exec',
  'action "plain" maildir alias <lists> forward-file',
  'action "trusting" maildir forward-file allow-exec',
  'action "run" mda "/usr/bin/sort"',
  'action "spool" mbox',
  'action "out" relay',
  'match from any for any action "exec"',
);

const ANN: User = { name: "ann", uid: 1001, gid: 1001, home: "/home/ann" };
const NOBODYS: User = { name: "_smtpx", uid: 905, gid: 905, home: "/nonexistent" };

const USERS: readonly User[] = [
  ANN,
  { name: "ben", uid: 1002, gid: 1002, home: "/home/ben" },
  { name: "root", uid: 0, gid: 0, home: "/root" },
  { name: "toor", uid: 0, gid: 0, home: "/root" },
  { name: "wheel", uid: 1003, gid: 0, home: "/home/wheel" },
  ...DAEMON_USERS.map((name, n) => ({ name, uid: 900 + n, gid: 900 + n, home: "/nonexistent" })),
];

function config(): Config {
  return CONFIG;
}

/** The parent, and one agent that somebody gives mail to. */
class Scene {
  readonly world: SimWorld = new SimWorld(1);
  readonly commands: SimCommands = new SimCommands(this.world.clock);
  readonly alerts: string[] = [];
  readonly accounts: DeliveryAccounts;
  readonly #deliveries: AgentDeliveries;

  constructor(account: User) {
    const { world } = this;
    for (const folder of ["/home/ann", "/srv", "/var/mail"]) world.disk.plantFolder(folder);
    for (const command of ["/usr/bin/tool", "/usr/bin/sort", "/home/ann/tool"])
      this.commands.set(command, () => ended(0));
    const ports = { files: world.disk.files(), clock: world.clock, random: world.random };
    const tables = new ParentTables(world.clock, config, () => undefined);
    this.accounts = new DeliveryAccounts({
      users: new SimUsers(USERS),
      config,
      askTable: tables.ask,
      isRoot: true,
      daemonUids: new Set([900, 901, 902, 903]),
    });
    const warrants = new Warrants({
      accounts: this.accounts,
      tables,
      keeper: new MailboxKeeper(ports, 1),
      config,
      isRoot: true,
      alert: (text) => this.alerts.push(text),
    });
    const agent = { account };
    const asker: WarrantAsker = new WarrantAsker(world.clock, (message) => {
      if (message.kind === "warrant-done") void warrants.done(agent, message.request);
      if (message.kind !== "warrant-wanted") return;
      const { request, wanted } = message;
      void warrants
        .answer(agent, request, wanted)
        .then((warrant) => asker.answered(request, warrant));
    });
    this.#deliveries = new AgentDeliveries(
      {
        ports: {
          ...ports,
          resolver: world.resolver,
          network: world.network,
          defer: setImmediate,
          arrived: async () => undefined,
        },
        slice: EMPTY_SLICE,
        config: configSlice(CONFIG, "agent"),
        parent: parentLink(),
        observer: new Observer(() => undefined, false),
        hostname: "h",
        home: account.home,
        uid: 0,
        end: () => undefined,
      },
      { commands: this.commands, filesAtOnce: ports.files, filesTogether: ports.files, pid: 2 },
      asker,
    );
  }

  async forward(text: string): Promise<void> {
    const file = await this.world.disk.files().open("/home/ann/.forward", "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
  }

  async deliver(changes: Partial<Envelope>): Promise<string> {
    const envelope = { ...localEnvelope("0000000a", "exec", "ann"), ...changes };
    const [result] = await this.world.clock.runUntilSettled(
      this.#deliveries.attempt(taskOf(envelope)),
      100_000,
    );
    return result?.outcome ?? "";
  }

  /** Folders of mail, and what is in them. */
  async written(): Promise<readonly string[]> {
    const files = this.world.disk.files();
    const folders = ["/srv", "/var/mail", "/home/ann"];
    const names = await Promise.all(folders.map((folder) => files.list(folder)));
    return names.flat().filter((name) => name !== ".forward");
  }
}

function listed(user: string, text: string): Transport {
  const kind = text.startsWith("|") ? "pipe" : "file";
  const what = { kind, text: kind === "pipe" ? text.slice(1) : text } as const;
  return { kind: "mda", user, extension: "", listed: what };
}

function by(kind: TrailStep["by"], source: string, key = ""): readonly TrailStep[] {
  return [{ by: kind, source, key, rule: "smtpd.conf:1" }];
}

const RUN = by("alias", "lists", "run");

test("what the configuration leads to is run and written", async () => {
  const nobodys = new Scene(NOBODYS);
  assert.equal(
    await nobodys.deliver({ transport: listed("_smtpx", "|/usr/bin/tool"), trail: RUN }),
    "delivered",
  );
  const file = { transport: listed("_smtpx", "/srv/box"), trail: by("alias", "lists", "box") };
  assert.equal(await nobodys.deliver(file), "delivered");
  assert.deepEqual(await nobodys.written(), ["box"]);
  const ann = new Scene(ANN);
  await ann.forward('"|/home/ann/tool"\n');
  const forwarded = {
    transport: listed("ann", "|/home/ann/tool"),
    trail: by("forward-file", "ann"),
  };
  assert.equal(await ann.deliver({ action: "trusting", ...forwarded }), "delivered");
  assert.equal(await ann.deliver({ action: "run" }), "delivered");
  assert.deepEqual(
    [...nobodys.commands.orders, ...ann.commands.orders].map(({ command }) => command),
    ["/usr/bin/tool", "/home/ann/tool", "/usr/bin/sort"],
  );
  assert.deepEqual([...nobodys.alerts, ...ann.alerts], []);
});

interface Forged extends Partial<Envelope> {
  readonly name: string;
  readonly agent: User;
}

const FORGED: readonly Forged[] = [
  {
    name: "a command for an action without allow-exec",
    agent: NOBODYS,
    action: "plain",
    transport: listed("_smtpx", "|/usr/bin/tool"),
    trail: RUN,
  },
  {
    name: "a command that no list has",
    agent: NOBODYS,
    transport: listed("_smtpx", "|/usr/bin/tool; id"),
    trail: RUN,
  },
  {
    name: "a file that no list has",
    agent: NOBODYS,
    transport: listed("_smtpx", "/srv/other"),
    trail: by("alias", "lists", "box"),
  },
  {
    name: "a command from nowhere",
    agent: ANN,
    transport: listed("ann", "|/usr/bin/tool"),
  },
  {
    name: "a command of an alias as a user",
    agent: ANN,
    transport: listed("ann", "|/usr/bin/tool"),
    trail: RUN,
  },
  ...["exec", "run", "spool"].map((action) => ({
    name: `mail of action ${action} for the user that commands run as`,
    agent: NOBODYS,
    action,
    transport: { kind: "mda", user: "_smtpx", extension: "" } as const,
  })),
  {
    name: "another user's mail",
    agent: ANN,
    action: "run",
    transport: { kind: "mda", user: "ben", extension: "" },
  },
  {
    name: "another user's mailbox",
    agent: ANN,
    action: "spool",
    transport: { kind: "mda", user: "ben", extension: "" },
  },
  ...["root", "toor", "wheel", ...DAEMON_USERS].map((user) => ({
    name: `a command as ${user}`,
    agent: ANN,
    action: "run",
    transport: { kind: "mda", user, extension: "" } as const,
  })),
  ...["root", "toor", "wheel", "_smtpq", "../root", "nobody-here"].map((user) => ({
    name: `the mailbox of ${user}`,
    agent: ANN,
    action: "spool",
    transport: { kind: "mda", user, extension: "" } as const,
  })),
  {
    name: "a forward file's command for an action that lets it have none",
    agent: ANN,
    action: "plain",
    transport: listed("ann", "|/home/ann/tool"),
    trail: by("forward-file", "ann"),
  },
];

for (const { name, agent, ...envelope } of FORGED) {
  test(`a forged order is refused and told: ${name}`, async () => {
    const scene = new Scene(agent);
    await scene.forward('"|/home/ann/tool"\n');
    assert.equal(await scene.deliver(envelope), "deferred");
    assert.deepEqual(scene.commands.orders, []);
    assert.deepEqual(await scene.written(), []);
    // The agent itself knows that nobody's user has no mail of its own.
    const isAsked = envelope.transport?.kind === "mda" && envelope.transport.user !== "_smtpx";
    if (isAsked || envelope.trail !== undefined) assert.equal(scene.alerts.length, 1);
  });
}

test("a command that a forward file does not have is refused by its owner's agent", async () => {
  const scene = new Scene(ANN);
  await scene.forward("ann\n");
  const transport = listed("ann", "|/home/ann/tool");
  const trail = by("forward-file", "ann");
  assert.equal(await scene.deliver({ action: "trusting", transport, trail }), "deferred");
  assert.deepEqual(scene.commands.orders, []);
});

test("an action that has nothing for agents, or is not there, delivers nothing", async () => {
  for (const action of ["out", "none", "__proto__"]) {
    const scene = new Scene(ANN);
    assert.equal(await scene.deliver({ action }), "deferred");
    assert.deepEqual(await scene.written(), []);
  }
});

test("no agent is had for root, whoever is asked for in whatever action, nor for a daemon's user", async () => {
  const { accounts } = new Scene(ANN);
  for (const action of ["exec", "plain", "run", "spool", "trusting"]) {
    for (const user of ["root", "toor", "wheel", ...DAEMON_USERS]) {
      const answer = await accounts.find({ action, user });
      const isNobodys = user === "_smtpx" && action === "exec";
      assert.equal(answer.kind, isNobodys ? "account" : "forbidden", `${action} ${user}`);
    }
  }
});

test("a lock that an agent was given goes when it has ended", async () => {
  const world = new SimWorld(1);
  world.disk.plantFolder("/var/mail");
  const ports = { files: world.disk.files(), clock: world.clock, random: world.random };
  const tables = new ParentTables(world.clock, config, () => undefined);
  const accounts = new DeliveryAccounts({
    users: new SimUsers(USERS),
    config,
    askTable: tables.ask,
    isRoot: true,
    daemonUids: new Set(),
  });
  const keeper = new MailboxKeeper(ports, 1);
  const warrants = new Warrants({
    accounts,
    tables,
    keeper,
    config,
    isRoot: true,
    alert: () => undefined,
  });
  const agent = { account: ANN };
  const wanted = {
    action: "spool",
    user: "ann",
    sender: "",
    rcpt: "",
    dest: "",
    listed: undefined,
    trail: [],
  };
  assert.deepEqual(await warrants.answer(agent, 1, wanted), {
    kind: "mailbox",
    path: "/var/mail/ann",
  });
  assert.deepEqual((await ports.files.list("/var/mail")).toSorted(), ["ann", "ann.lock"]);
  const { uid, mode } = await ports.files.stat("/var/mail/ann");
  assert.deepEqual([uid, mode & 0o777], [1001, 0o600]);
  await warrants.gone(agent);
  assert.deepEqual(await ports.files.list("/var/mail"), ["ann"]);
});

test("BOX-01: where all may make mailboxes, none is made or locked", async () => {
  const world = new SimWorld(1);
  world.disk.plantFolder("/var/mail", { mode: 0o1777 });
  const ports = { files: world.disk.files(), clock: world.clock, random: world.random };
  const opened = await new MailboxKeeper(ports, 1).open("ann", undefined);
  assert.deepEqual(opened, { kind: "unavailable", why: "The mail spool can be written by all" });
  assert.deepEqual(await ports.files.list("/var/mail"), []);
});
