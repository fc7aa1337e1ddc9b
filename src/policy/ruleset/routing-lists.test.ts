/** Aliases, virtual addresses, userbases, forward files: what a recipient comes to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { unreachable } from "#base/unreachable.ts";
import type { ForwardFile } from "#model/forward-file.ts";
import type { Reason } from "#model/reason.ts";
import {
  type Files,
  forwardFiles,
  queryFor,
  readConfig,
  resolutionText,
  USERS,
} from "#test/support/recipients.ts";
import { createRouting } from "./routing.ts";

const CONFIG = `listen on socket
table aliases file:/aliases
table virtuals file:/virtuals
table vusers { ann = 2001:2001:/v/ann, toor = 0:0:/v/toor }
action home maildir alias <aliases> forward-file
action exec maildir alias <aliases> allow-exec forward-file allow-exec
action vdom maildir "/v/%{user.username}" virtual <virtuals> user vmail
action vbase maildir "/v/%{user.username}" userbase <vusers>
action forwards forward-only alias <aliases> forward-file
action expands expand-only alias <aliases>
action out relay
match from any for domain local.example action home
match from any for domain exec.example action exec
match from any for domain vdom.example action vdom
match from any for domain vbase.example action vbase
match from any for domain forwards.example action forwards
match from any for domain expands.example action expands
match from any for domain refused.example reject
match from local for any action out
`;

const ALIASES = `
team: ann, bob+lists, far@away.example
nested: team, carl
ann-and-me: ann-and-me, ann
bob: bob, copy@away.example
Postmaster: root
root: ann
out: x@away.example
list: :include:/list
broken-list: include:/broken-list
no-list: include:/nowhere
gone: error:550 5.1.6 He has left
later: :error:450 Come back
cmd: "|/usr/bin/tool -x"
box: /var/mail/box
loop: loop2
loop2: loop
cross: cross1, cross2
cross1: cross2
cross2: cross1
twice-empty: empty, empty
empty: :include:/empty
self-loop: self-loop@local.example
bad: a b
tagged+x: carl
to-root: toor2
toor2: root@vbase.example
refused: bob, x@refused.example
nobody: ghost
d0: d1
d1: d2
d2: d3
d3: d4
d4: d5
d5: d6
d6: d7
d7: d8
d8: d9
d9: d10
d10: ann
`;

const VIRTUALS = `
ann@vdom.example: ann
bob+tag@vdom.example: tagged
bob@vdom.example: bob+kept
both+x: both-x
both: both
two@vdom.example: ann@vdom.example, far@away.example
me@vdom.example: me@vdom.example
@vdom.example: catch
`;

const FILES: Files = {
  "/aliases": ALIASES,
  "/virtuals": VIRTUALS,
  "/list": "# members\nann\nbob@local.example, include:/list2\n",
  "/list2": "carl\n",
  "/broken-list": "ann\nb c\n",
  "/empty": "# nobody yet\n",
};

const FORWARDS: Readonly<Record<string, string | ForwardFile>> = {
  ann: "# nothing here\n",
  bob: "bob, far@away.example\n",
  carl: "carl@local.example, far@away.example",
  dan: { kind: "refused", why: "is a symbolic link" },
  eve: { kind: "unavailable", why: "is too large" },
  fay: '"|/usr/bin/vacation fay", fay',
  gil: "not a list",
  hal: "include:/list, far@away.example",
};

/** What each recipient comes to: its envelopes in their order, or the refusal. */
const CASES: readonly (readonly [recipient: string, outcome: readonly string[] | string])[] = [
  ["Ann@local.example", ["home ann <Ann@local.example>"]],
  ["ann+x+y@local.example", ["home ann+x+y <ann+x+y@local.example>"]],
  ["ghost@local.example", "rejected: no such user"],
  [
    "team@local.example",
    [
      "home ann <team@local.example> by alias aliases team",
      "home bob <team@local.example> by alias aliases team, alias aliases bob, forward-file bob",
      "out <copy@away.example> by alias aliases team, alias aliases bob",
      "out <far@away.example> by alias aliases team",
    ],
  ],
  [
    "team+tag@local.example",
    [
      "home ann <team+tag@local.example> by alias aliases team",
      "home bob <team+tag@local.example> by alias aliases team, alias aliases bob, forward-file bob",
      "out <copy@away.example> by alias aliases team, alias aliases bob",
      "out <far@away.example> by alias aliases team",
    ],
  ],
  [
    "nested@local.example",
    [
      "home ann <nested@local.example> by alias aliases nested, alias aliases team",
      "home bob <nested@local.example> by alias aliases nested, alias aliases team, alias aliases bob, forward-file bob",
      "out <copy@away.example> by alias aliases nested, alias aliases team, alias aliases bob",
      "out <far@away.example> by alias aliases nested, alias aliases team",
      "home carl <carl@local.example> by alias aliases nested, forward-file carl",
    ],
  ],
  ["ann-and-me@local.example", "rejected: no such user"],
  [
    "bob@local.example",
    [
      "home bob <bob@local.example> by alias aliases bob, forward-file bob",
      "out <far@away.example> by alias aliases bob, forward-file bob",
      "out <copy@away.example> by alias aliases bob",
    ],
  ],
  [
    "POSTMASTER@local.example",
    ["home ann <POSTMASTER@local.example> by alias aliases Postmaster, alias aliases root"],
  ],
  ["toor2@local.example", "rejected: not in the userbase"],
  ["to-root@local.example", "rejected: not in the userbase"],
  ["out@local.example", ["out <x@away.example> by alias aliases out"]],
  [
    "list@local.example",
    [
      "home ann <list@local.example> by alias aliases list, include /list",
      "home bob <bob@local.example> by alias aliases list, include /list, alias aliases bob, forward-file bob",
      "out <far@away.example> by alias aliases list, include /list, alias aliases bob, forward-file bob",
      "out <copy@away.example> by alias aliases list, include /list, alias aliases bob",
      "home carl <carl@local.example> by alias aliases list, include /list, include /list2, forward-file carl",
    ],
  ],
  [
    "broken-list@local.example",
    "unavailable: /broken-list: line 2, column 1: neither an address nor a user, a command, a file: 'b c'",
  ],
  ["no-list@local.example", "unavailable: /nowhere could not be read"],
  ["gone@local.example", "said: 550 5.1.6 He has left"],
  ["later@local.example", "said: 450 Come back"],
  ["cmd@local.example", "unavailable: needs allow-exec: |/usr/bin/tool -x"],
  ["cmd@exec.example", ["exec _smtpx |/usr/bin/tool -x <cmd@exec.example> by alias aliases cmd"]],
  ["box@local.example", "unavailable: needs allow-exec: /var/mail/box"],
  ["box@exec.example", ["exec _smtpx /var/mail/box <box@exec.example> by alias aliases box"]],
  ["loop@local.example", "expansion-later: the aliases go round in a loop"],
  // Neither chain comes back to itself: each is cut where the other was before.
  ["cross@local.example", "expansion-later: the aliases go round in a loop"],
  ["twice-empty@local.example", "expansion: it expands to nobody"],
  [
    "carl@local.example",
    [
      "home carl <carl@local.example> by forward-file carl",
      "out <far@away.example> by forward-file carl",
    ],
  ],
  ["self@local.example", "rejected: no such user"],
  [
    "bad@local.example",
    "unavailable: <aliases> bad: line 1, column 1: neither an address nor a user, a command, a file: 'a b'",
  ],
  [
    "tagged+x@local.example",
    [
      "home carl <carl@local.example> by alias aliases tagged+x, forward-file carl",
      "out <far@away.example> by alias aliases tagged+x, forward-file carl",
    ],
  ],
  ["tagged+y@local.example", "rejected: no such user"],
  ["refused@local.example", "rejected: the rule says so"],
  ["nobody@local.example", "rejected: no such user"],
  ["d0@local.example", "unavailable: lists lead to lists more than 10 deep"],
  ["d2@local.example", "unavailable: lists lead to lists more than 10 deep"],
  ["dan@local.example", "rejected: forward file of dan: is a symbolic link"],
  ["eve@local.example", "unavailable: forward file of eve: is too large"],
  ["fay@local.example", "unavailable: needs allow-exec: |/usr/bin/vacation fay"],
  [
    "gil@local.example",
    "unavailable: forward file of gil: line 1, column 1: neither an address nor a user, a command, a file: 'not a list'",
  ],
  ["hal@local.example", ["out <far@away.example> by forward-file hal"]],
  ["ann@vdom.example", ["vdom ann <ann@vdom.example> by virtual virtuals ann@vdom.example"]],
  [
    "bob+tag@vdom.example",
    ["vdom tagged <bob+tag@vdom.example> by virtual virtuals bob+tag@vdom.example"],
  ],
  [
    "bob+other@vdom.example",
    ["vdom bob+kept <bob+other@vdom.example> by virtual virtuals bob@vdom.example"],
  ],
  ["both+x@vdom.example", ["vdom both-x <both+x@vdom.example> by virtual virtuals both+x"]],
  ["both+y@vdom.example", ["vdom both <both+y@vdom.example> by virtual virtuals both"]],
  [
    "two@vdom.example",
    [
      "vdom ann <ann@vdom.example> by virtual virtuals two@vdom.example, virtual virtuals ann@vdom.example",
      "out <far@away.example> by virtual virtuals two@vdom.example",
    ],
  ],
  ["me@vdom.example", "expansion-later: the aliases go round in a loop"],
  ["who@vdom.example", ["vdom catch <who@vdom.example> by virtual virtuals @vdom.example"]],
  ["ann@vbase.example", ["vbase ann <ann@vbase.example>"]],
  ["toor@vbase.example", "rejected: never delivers to uid 0"],
  ["bob@vbase.example", "rejected: not in the userbase"],
  ["ann@forwards.example", "expansion-later: ann has no forward file"],
  ["bob@forwards.example", "expansion-later: bob keeps mail here itself"],
  ["out@forwards.example", ["out <x@away.example> by alias aliases out"]],
  ["cmd@forwards.example", "unavailable: forward-only takes addresses only: |/usr/bin/tool -x"],
  ["ann@expands.example", "expansion: ann is not expanded any further"],
  ["out@expands.example", ["out <x@away.example> by alias aliases out"]],
  ["cmd@expands.example", "unavailable: expand-only takes addresses only: |/usr/bin/tool -x"],
  ["x@refused.example", "rejected: the rule says so"],
];

const LISTS = readConfig(CONFIG, FILES);

for (const [recipient, outcome] of CASES) {
  test(`${recipient} comes to ${JSON.stringify(outcome)}`, async () => {
    const routing = createRouting(LISTS, { users: USERS, forwardFiles: forwardFiles(FORWARDS) });
    assert.deepEqual(resolutionText(await routing.resolve(queryFor(recipient))), outcome);
  });
}

/** Of carl+x, whose forward file names himself and somebody far away; without what the rules ask. */
const STEPS: readonly string[] = [
  "- > 0: address carl+x@local.example (recipient)",
  "rule 12: home",
  "0 > 1: user carl+x (local-part)",
  "<aliases> alias carl+x: absent",
  "<aliases> alias carl: absent",
  "<getpwnam> carl: found",
  "forward file of carl: found",
  "1 > 2: address carl@local.example (forward-file)",
  "rule 12: home",
  "2 > 3: user carl (local-part)",
  "<getpwnam> carl: found",
  "envelope home <carl@local.example>",
  "1 > 4: address far@away.example (forward-file)",
  "rule 19: out",
  "envelope out <far@away.example>",
];

test("each step is told, with the node that it belongs to", async () => {
  const steps: string[] = [];
  const routing = createRouting(LISTS, { users: USERS, forwardFiles: forwardFiles(FORWARDS) });
  await routing.resolve(queryFor("carl+x@local.example"), (step) => steps.push(stepText(step)));
  assert.deepEqual(
    steps.filter((step) => !/^rule-skipped| (?:domain|netaddr) /u.test(step)),
    STEPS,
  );
});

/** The step in one line. */
function stepText(step: Reason): string {
  switch (step.kind) {
    case "node":
      return `${step.parent ?? "-"} > ${step.node}: ${step.is} ${step.text} (${step.source.kind})`;
    case "table-lookup":
      return `<${step.table}> ${step.service} ${step.key}: ${step.answer.kind}`;
    case "user-lookup":
      return `${step.userbase} ${step.user}: ${step.answer.kind}`;
    case "forward-file":
      return `forward file of ${step.user}: ${step.answer.kind}`;
    case "envelope":
      return `envelope ${step.action} <${step.destination}>`;
    case "rule-matched":
      return `rule ${step.rule.line}: ${step.action ?? "reject"}`;
    case "ignored":
      return `ignored ${step.text}: ${step.why}`;
    case "refused":
      return `refused as ${step.as}: ${step.why}`;
    case "srs":
      return `srs ${step.address}`;
    case "rule-skipped":
    case "rule-unavailable":
    case "no-rule":
      return step.kind;
    default:
      return unreachable(step);
  }
}

test("whatever aliases say, an expansion ends within its bounds", async () => {
  const name = fc.constantFrom("a", "b", "c", "d", "team", "root", "ann");
  const node = fc.oneof(
    name,
    name.map((user) => `${user}@x.example`),
    name.map((user) => `${user}+tag`),
    fc.constantFrom(
      "|cmd",
      "/file",
      "error:450 no",
      "far@away.example",
      ":include:/list",
      "junk !",
    ),
  );
  const aliases = fc.dictionary(name, fc.array(node, { minLength: 1, maxLength: 5 }));
  await fc.assert(
    fc.asyncProperty(aliases, name, fc.string(), async (lists, recipient, list) => {
      const lines = Object.entries(lists).map(([key, nodes]) => `${key}: ${nodes.join(", ")}\n`);
      const config = readConfig(CONFIG, { ...FILES, "/aliases": lines.join(""), "/list": list });
      const routing = createRouting(config, { users: USERS, forwardFiles: forwardFiles(FORWARDS) });
      const resolution = await routing.resolve(queryFor(`${recipient}@local.example`));
      if (resolution.kind !== "accepted") return true;
      const isRoot = resolution.envelopes.some(
        ({ transport }) => transport.kind === "mda" && transport.user === "root",
      );
      return resolution.envelopes.length > 0 && !isRoot;
    }),
    { numRuns: 200 },
  );
});
