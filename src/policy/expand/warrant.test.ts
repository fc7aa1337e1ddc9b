import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ListedDelivery, TrailStep } from "#model/envelope.ts";
import { parseExpansionFile } from "#model/expansion-list.ts";
import type { Warrant, WarrantRequest } from "#model/warrant.ts";
import { Tables } from "#policy/tables/tables.ts";
import { configOf } from "#test/support/config-of.ts";
import { aliasListOf, isEntryOf, warrantFor } from "./warrant.ts";

const CONFIG = configOf(
  'mda wrapper nice "/usr/bin/nice %{mda}"',
  'table lists { run = "|/usr/bin/tool -x, ann", box = "/srv/box", many = "include:/many", mail = "/var/mail/_smtpx" }',
  'table others { run = "|/usr/bin/other" }',
  'action "exec" maildir alias <lists> allow-exec',
  'action "plain" maildir alias <lists>',
  'action "shared" maildir "/m" alias <lists> allow-exec user vmail',
  'action "hosted" maildir virtual <lists> allow-exec',
  'action "away" forward-only alias <lists> allow-exec forward-file allow-exec',
  'action "home" maildir forward-file allow-exec',
  'action "safe" maildir forward-file',
  'action "spool" mbox',
  'action "sort" mda "/usr/bin/sort %{sender} %{user.username} %{user.directory}" wrapper nice',
  'action "wrapped" mda "/bin/true" alias <lists> allow-exec wrapper nice',
  'action "out" relay',
  'match from any for any action "exec"',
);

const INCLUDED = new Map([
  ["/many", 'ann, "|/usr/bin/included"\ninclude:/more\n'],
  ["/more", "/srv/more\n"],
]);

const tables = new Tables(CONFIG.tables, { delimiter: "+" });

function warrant(changes: Partial<WarrantRequest>): Warrant | Promise<Warrant> {
  const request: WarrantRequest = {
    action: "exec",
    user: "_smtpx",
    sender: "s@x.example",
    rcpt: "run@y.example",
    dest: "run@y.example",
    listed: undefined,
    trail: [],
    ...changes,
  };
  return warrantFor(request, {
    config: CONFIG,
    home: "/home/ann",
    list: (action, key) =>
      aliasListOf((table, service, of) => tables.lookup(table, service)(of), action, key),
    include: (path) => {
      const text = INCLUDED.get(path);
      return text === undefined ? undefined : parseExpansionFile(text);
    },
  });
}

function step(by: TrailStep["by"], source: string, key = ""): TrailStep {
  return { by, source, key, rule: "smtpd.conf:1" };
}

const pipe = (text: string): ListedDelivery => ({ kind: "pipe", text });
const file = (text: string): ListedDelivery => ({ kind: "file", text });

const TOOL = pipe("/usr/bin/tool -x");
const RUN = [step("alias", "lists", "run")];

const GRANTED: readonly (readonly [what: string, request: Partial<WarrantRequest>, is: Warrant])[] =
  [
    [
      "a command of an alias",
      { listed: TOOL, trail: RUN },
      { kind: "command", command: "/usr/bin/tool -x" },
    ],
    [
      "a file of an alias",
      { listed: file("/srv/box"), trail: [step("alias", "lists", "box")] },
      { kind: "file", path: "/srv/box" },
    ],
    [
      "a command of an included file",
      {
        listed: pipe("/usr/bin/included"),
        trail: [step("alias", "lists", "many"), step("include", "/many")],
      },
      { kind: "command", command: "/usr/bin/included" },
    ],
    [
      "a file of a file that an included file includes",
      {
        listed: file("/srv/more"),
        trail: [step("alias", "lists", "many"), step("include", "/many"), step("include", "/more")],
      },
      { kind: "file", path: "/srv/more" },
    ],
    [
      "a command of an alias, as the action's user",
      { action: "shared", user: "vmail", listed: TOOL, trail: RUN },
      { kind: "command", command: "/usr/bin/tool -x" },
    ],
    [
      "a command of a virtual address",
      { action: "hosted", listed: TOOL, trail: [step("virtual", "lists", "run")] },
      { kind: "command", command: "/usr/bin/tool -x" },
    ],
    [
      "a command of the user's forward file",
      { action: "home", user: "ann", listed: pipe("any"), trail: [step("forward-file", "ann")] },
      { kind: "command", command: "any" },
    ],
    [
      "a forward file's own mailbox",
      {
        action: "home",
        user: "ann",
        listed: file("/var/mail/ann"),
        trail: [step("forward-file", "ann")],
      },
      { kind: "mailbox" },
    ],
    ["a mailbox", { action: "spool", user: "ann" }, { kind: "mailbox" }],
    [
      "the action's command, in its wrapper",
      { action: "sort", user: "ann" },
      { kind: "command", command: "/usr/bin/nice /usr/bin/sort s@x.example ann /home/ann" },
    ],
    [
      "a listed command, in the wrapper of the action",
      { action: "wrapped", listed: TOOL, trail: RUN },
      { kind: "command", command: "/usr/bin/nice /usr/bin/tool -x" },
    ],
  ];

for (const [what, request, is] of GRANTED) {
  test(`a warrant is given for ${what}`, async () => {
    assert.deepEqual(await warrant(request), is);
  });
}

for (const user of ["../ann", "..", ".ann", "a/b", "ann.lock", ""]) {
  test(`no mailbox has the name ${JSON.stringify(user)}, and it stays so`, async () => {
    const is = { kind: "impossible", why: "no mailbox has this name" } as const;
    assert.deepEqual(await warrant({ action: "spool", user }), is);
  });
}

const REFUSED: readonly (readonly [what: string, request: Partial<WarrantRequest>])[] = [
  ["an action that is not there", { action: "none" }],
  ["the name of an object's own", { action: "__proto__" }],
  ["an action that relays", { action: "out" }],
  ["an action that runs nothing", { action: "exec", user: "ann" }],
  ["mail of the user that commands run as", { action: "spool", user: "_smtpx" }],
  ["a command without allow-exec", { action: "plain", listed: TOOL, trail: RUN }],
  ["a file without allow-exec", { action: "plain", listed: file("/srv/box"), trail: RUN }],
  ["a command that no list led to", { listed: TOOL }],
  [
    "a command with nothing but a file that was included",
    { listed: pipe("/usr/bin/included"), trail: [step("include", "/many")] },
  ],
  ["another command than the list has", { listed: pipe("/usr/bin/tool -y"), trail: RUN }],
  ["a command that has more behind it", { listed: pipe("/usr/bin/tool -x; id"), trail: RUN }],
  ["a file that the list has as a command", { listed: file("/usr/bin/tool -x"), trail: RUN }],
  [
    "a command under a key that has another",
    { listed: TOOL, trail: [step("alias", "lists", "box")] },
  ],
  [
    "a command under a key that is not there",
    { listed: TOOL, trail: [step("alias", "lists", "x")] },
  ],
  [
    "a command of a table that the action does not use",
    { listed: pipe("/usr/bin/other"), trail: [step("alias", "others", "run")] },
  ],
  ["an alias as a virtual address", { listed: TOOL, trail: [step("virtual", "lists", "run")] }],
  ["a command of an alias as a user of choice", { user: "ann", listed: TOOL, trail: RUN }],
  [
    "a command of an alias as another than the action's user",
    { action: "shared", user: "ann", listed: TOOL, trail: RUN },
  ],
  [
    "a command of an included file that the list does not include",
    {
      listed: pipe("/usr/bin/included"),
      trail: [...RUN, step("include", "/many")],
    },
  ],
  [
    "an included file that could not be read",
    { listed: TOOL, trail: [step("alias", "lists", "many"), step("include", "/none")] },
  ],
  [
    "a command of a forward file without allow-exec",
    { action: "safe", user: "ann", listed: TOOL, trail: [step("forward-file", "ann")] },
  ],
  [
    "a command of a forward file that the action does not read",
    { action: "exec", user: "ann", listed: TOOL, trail: [step("forward-file", "ann")] },
  ],
  [
    "a command of another user's forward file",
    { action: "home", user: "ann", listed: TOOL, trail: [step("forward-file", "bob")] },
  ],
  [
    "a file that a forward file includes",
    {
      action: "home",
      user: "ann",
      listed: TOOL,
      trail: [step("forward-file", "ann"), step("include", "/many")],
    },
  ],
  ["a command of forward-only", { action: "away", listed: TOOL, trail: RUN }],
];

for (const [what, request] of REFUSED) {
  test(`no warrant is given for ${what}`, async () => {
    assert.equal((await warrant(request)).kind, "refused");
  });
}

/** What the configuration leads to, whatever is asked. */
const COMMANDS: readonly string[] = ["/usr/bin/tool -x", "/usr/bin/included"];
const FILES: readonly string[] = ["/srv/box", "/srv/more", "/var/mail/_smtpx"];

function some(...words: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(fc.constantFrom(...words), fc.string());
}

test("whatever is asked, no command and no file is granted that no list has", async () => {
  const steps = fc.record({
    by: fc.constantFrom("alias", "virtual", "include"),
    source: some("lists", "others", "/many", "/more"),
    key: some("run", "box", "many", "mail"),
    rule: fc.constant("x:1"),
  });
  const requests = fc.record({
    action: some("exec", "plain", "hosted", "shared", "spool", "away"),
    user: some("_smtpx", "vmail", "root", "ann"),
    listed: fc.record({ kind: fc.constantFrom("pipe", "file"), text: some(...COMMANDS, ...FILES) }),
    trail: fc.array(steps, { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const given = await warrant(request);
      if (given.kind === "command") assert.ok(COMMANDS.includes(given.command), given.command);
      if (given.kind === "file") assert.ok(FILES.includes(given.path), given.path);
    }),
    { numRuns: 500 },
  );
});

test("MDA-01: whatever addresses hold, the command of an action has the words that it was written with", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string(), async (sender, dest) => {
      const given = await warrant({ action: "sort", user: "ann", sender, dest });
      if (given.kind === "impossible") return;
      assert.equal(given.kind, "command");
      assert.match(
        given.command,
        /^\/usr\/bin\/nice \/usr\/bin\/sort [^\s;|&$`"'\\<>(){}]* ann \/home\/ann$/u,
      );
    }),
  );
});

test("an entry of a forward file is found word for word, and not in what cannot be read", () => {
  const list = parseExpansionFile('ann, "|/bin/cat a, b"\n/srv/x\n');
  assert.equal(isEntryOf(list, pipe("/bin/cat a, b")), true);
  assert.equal(isEntryOf(list, file("/srv/x")), true);
  assert.equal(isEntryOf(list, pipe("/bin/cat a")), false);
  assert.equal(isEntryOf(parseExpansionFile("a b\n"), file("/srv/x")), false);
});
