/** Aliases, virtual addresses and forward files, from a client's RCPT to the mailboxes of two hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimWorld } from "#world/sim/world.ts";
import { domainRules, MailHost, VMAIL } from "./mail-host.ts";

const A = { name: "mail.a.example", address: "192.0.2.1" } as const;
const B = { name: "mail.b.example", address: "192.0.2.2" } as const;
const MINUTE_MS = 60_000;

const ALIASES = [
  'team = "ann, ben@b.example"',
  'round = "round@b.example"',
  'cmd = "|/usr/bin/tool"',
  'far = "x@nowhere.example"',
  "gone = error:550 5.1.6 She has left",
];

const RULES_OF_A = [
  `table aliases { ${ALIASES.map((entry) => entry.replace(/= (error.*)/u, '= "$1"')).join(", ")} }`,
  `action "home" maildir "/${A.name}/mail/%{user.username}" alias <aliases> forward-file`,
  'action "out" relay',
  'match from any for domain "a.example" action "home"',
  'match from local for any action "out"',
];

const RULES_OF_B = [
  'table virtuals { "round@b.example" = "round@a.example", "@b.example" = vmail }',
  `action "local" maildir "/${B.name}/mail/%{dest.user}" user vmail virtual <virtuals>`,
  'action "out" relay',
  'match from any for domain "b.example" action "local"',
  'match from local for any action "out"',
];

interface Hosts {
  readonly world: SimWorld;
  readonly a: MailHost;
  readonly b: MailHost;
  /** Puts a file where ann says where her mail goes. */
  readonly forward: (
    text: string,
    owned?: { readonly uid?: number; readonly mode?: number },
  ) => void;
}

async function twoHosts(rulesOfB: readonly string[] = RULES_OF_B): Promise<Hosts> {
  const world = new SimWorld(7, {
    zone: {
      mx: {
        "a.example": [{ preference: 10, exchange: A.name }],
        "b.example": [{ preference: 10, exchange: B.name }],
      },
      addresses: { [A.name]: [A.address], [B.name]: [B.address] },
    },
  });
  world.users.set(VMAIL);
  world.users.set({ name: "ann", uid: 1001, gid: 1001, home: "/home/ann" });
  world.disk.plantFolder("/home");
  world.disk.plantFolder("/home/ann", { uid: 1001 });
  const a = await MailHost.make(world, { ...A, rules: RULES_OF_A });
  const b = await MailHost.make(world, { ...B, rules: rulesOfB });
  const forward: Hosts["forward"] = (text, owned) =>
    world.disk.plantFile("/home/ann/.forward", Buffer.from(text), { uid: 1001, ...owned });
  return { world, a, b, forward };
}

const letterTo = (...to: readonly string[]) => ({
  from: "sender@b.example",
  to,
  text: "Subject: hello\n\nhello\n",
});

test("mail for an alias reaches an account, where its forward file says, and the other host", async () => {
  const { world, a, b, forward } = await twoHosts();
  forward("ann\ncarl@b.example # and there\n");
  assert.equal((await a.submit(letterTo("team@a.example"))).code, 0);
  await world.clock.advance(MINUTE_MS);
  assert.equal((await a.mailbox("ann")).length, 1);
  assert.match((await a.mailbox("ann"))[0] ?? "", /^Delivered-To: team@a\.example\r?$/mu);
  for (const user of ["ben", "carl"]) assert.equal((await b.mailbox(user)).length, 1, user);
  assert.deepEqual(await a.queue(), []);
});

test("an envelope that waits shows which lists led to it", async () => {
  const { world, a, b, forward } = await twoHosts();
  forward("carl@b.example\n");
  await b.stop();
  await a.submit(letterTo("team@a.example"));
  await world.clock.advance(MINUTE_MS);
  const lines = await a.queue();
  const trails: (readonly string[])[] = [];
  for (const line of lines) {
    const shown = await a.control("show", "envelope", line.slice(0, 16));
    trails.push(shown.split("\n").filter((field) => field.startsWith("by: ")));
  }
  assert.deepEqual(
    trails.toSorted((left, right) => left.length - right.length),
    [
      ["by: alias <aliases> team (smtpd.conf:5)"],
      ["by: alias <aliases> team (smtpd.conf:5)", "by: forward-file ann (smtpd.conf:5)"],
    ],
  );
});

test("a bounce goes where the forward file of its recipient says", async () => {
  const { world, a, b, forward } = await twoHosts();
  forward("carl@b.example\n");
  const sent = await a.submit({ ...letterTo("far@a.example"), from: "ann@a.example" });
  assert.equal(sent.code, 0, sent.lines.join("\n"));
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual([await a.queue(), await a.mailbox("ann")], [[], []]);
  assert.match(
    (await b.mailbox("carl")).join("\n"),
    /^Final-Recipient: rfc822; far@a\.example\r?$/mu,
  );
});

const REFUSED: readonly (readonly [
  name: string,
  plant: (hosts: Hosts) => void,
  recipient: string,
  reply: RegExp,
  reason: RegExp,
])[] = [
  [
    "a forward file that others may write to",
    ({ forward }) => forward("carl@b.example\n", { mode: 0o666 }),
    "ann@a.example",
    /550 5\.1\.1 Invalid recipient/u,
    /forward file of ann: it can be written by group or others/u,
  ],
  [
    "a forward file that is a symbolic link",
    ({ world }) => world.disk.plantSymlink("/home/ann/.forward"),
    "ann@a.example",
    /550 5\.1\.1 Invalid recipient/u,
    /it is a symbolic link/u,
  ],
  [
    "a forward file that is too large",
    ({ forward }) => forward("#".repeat(4096)),
    "ann@a.example",
    /451 4\.3\.0 Temporary failure/u,
    /4096 bytes or more/u,
  ],
  [
    "a forward file with a command, which needs allow-exec",
    ({ forward }) => forward("|/usr/bin/tool\n"),
    "ann@a.example",
    /451 4\.3\.0 Temporary failure/u,
    /needs allow-exec: \|\/usr\/bin\/tool/u,
  ],
  [
    "an alias for a command",
    () => undefined,
    "cmd@a.example",
    /451 4\.3\.0 Temporary failure/u,
    /needs allow-exec/u,
  ],
  [
    "an alias that says why not",
    () => undefined,
    "gone@a.example",
    /550 5\.1\.6 She has left: <gone@a\.example>/u,
    /She has left/u,
  ],
];

for (const [name, plant, recipient, reply, reason] of REFUSED) {
  test(`${name} refuses the recipient, and the log says why`, async () => {
    const hosts = await twoHosts();
    plant(hosts);
    const sent = await hosts.a.submit(letterTo(recipient));
    assert.notEqual(sent.code, 0);
    assert.match(sent.lines.join("\n"), reply);
    assert.match(hosts.a.log.join("\n"), reason);
    assert.deepEqual(await hosts.a.queue(), []);
  });
}

test("mail that two hosts' aliases send round and round ends, and its sender is told", async () => {
  const { world, a, b } = await twoHosts();
  assert.equal((await a.submit(letterTo("round@a.example"))).code, 0);
  await world.clock.advance(60 * MINUTE_MS);
  assert.deepEqual([await a.queue(), await b.queue()], [[], []]);
  assert.equal((await b.mailbox("sender")).length, 1);
  assert.match((await b.mailbox("sender"))[0] ?? "", /Routing loop detected/u);
});

test("what nobody asked for is not looked at: without forward-file the file means nothing", async () => {
  const { world, a, b, forward } = await twoHosts(domainRules(B.name, "b.example"));
  world.users.set({ name: "carl", uid: 1002, gid: 1002, home: "/home/carl" });
  forward("carl@b.example\n");
  // b delivers as vmail, whose home is not even there.
  assert.equal((await b.submit(letterTo("ann@b.example"))).code, 0);
  await world.clock.advance(MINUTE_MS);
  assert.equal((await b.mailbox("ann")).length, 1);
  assert.deepEqual(await a.mailbox("ann"), []);
});
