import assert from "node:assert/strict";
import { test } from "node:test";
import type { Children, RunResult } from "#base/ports/children.ts";
import { type Confinement, confinementHere, withRights, wordsBefore } from "./confinement.ts";

const WHOLE: Confinement = { setpriv: "/b/setpriv", unshare: "/b/unshare", prlimit: "/b/prlimit" };
const ACCOUNT = { uid: 7, gid: 8 };
const RIGHTS = "/b/setpriv --reuid=7 --regid=8 --clear-groups --inh-caps=-all --bounding-set=-all";

const CASES = [
  {
    name: "a dispatcher keeps the network and loses all rights",
    request: { role: "dispatcher", account: ACCOUNT },
    words: `${RIGHTS} --no-new-privs --`,
  },
  {
    name: "the queue has no network",
    request: { role: "queue", account: ACCOUNT },
    words: `/b/unshare --net -- ${RIGHTS} --no-new-privs --`,
  },
  {
    name: "lookup has none either, while nobody is to be asked",
    request: { role: "lookup", account: ACCOUNT },
    words: `/b/unshare --net -- ${RIGHTS} --no-new-privs --`,
  },
  {
    name: "lookup that asks others has it",
    request: { role: "lookup", account: ACCOUNT, reach: { network: true, stapleFolder: "/s" } },
    words: `${RIGHTS} --no-new-privs --`,
  },
  {
    name: "auth stays root, which PAM needs to be, and gains nothing",
    request: { role: "auth", account: undefined },
    words: "/b/setpriv --no-new-privs --",
  },
  {
    name: "an agent whose commands may be set-uid programs is Node's to start",
    request: { role: "agent", account: ACCOUNT, mayGainPrivileges: true },
    words: "",
  },
  {
    name: "any other agent gains nothing",
    request: { role: "agent", account: ACCOUNT, mayGainPrivileges: false },
    words: `${RIGHTS} --no-new-privs --`,
  },
] as const;

for (const { name, request, words } of CASES) {
  test(name, () => assert.equal(wordsBefore(request, WHOLE).join(" "), words));
}

test("root that will become somebody else keeps nothing that it could do besides", () => {
  assert.equal(
    withRights("/b/setpriv", "root-to-become").join(" "),
    "/b/setpriv --clear-groups --inh-caps=-all --bounding-set=-all,+setuid,+setgid --no-new-privs --",
  );
});

test("without setpriv(1) nothing stands before Node", () => {
  const nothing = { setpriv: undefined, unshare: undefined, prlimit: undefined };
  assert.deepEqual(wordsBefore({ role: "queue", account: ACCOUNT }, nothing), []);
});

/** A machine that refuses commands with one of `words`. */
function refusing(...words: readonly string[]): Children & { readonly ran: string[] } {
  return machine(words, "0000000000000000");
}

/** @param bounding the set of capabilities that is left to who is confined. */
function machine(
  words: readonly string[],
  bounding: string,
): Children & { readonly ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    async run({ command }): Promise<RunResult> {
      ran.push(command.join(" "));
      const refused = words.find((word) => command.includes(word));
      const said = refused === undefined ? "" : `unshare: ${refused} failed: not permitted\n`;
      return {
        kind: "exited",
        code: refused === undefined ? 0 : 1,
        stdout: Buffer.from(`Name:\tcat\nCapBnd:\t${bounding}\nNoNewPrivs:\t1\n`),
        stderr: Buffer.from(said),
      };
    },
  };
}

test("what the machine lets us do is tried once, with the command of the queue", async () => {
  const children = refusing();
  const { confinement, lacks } = await confinementHere(children, true);
  assert.deepEqual(lacks, []);
  assert.ok(confinement.unshare !== undefined && confinement.setpriv !== undefined);
  assert.equal(children.ran.length, 1);
  assert.match(
    children.ran[0] ?? "",
    /unshare --net -- .*setpriv .* --no-new-privs -- \/\S*\/cat \/proc\/self\/status$/u,
  );
});

test("where no namespace may be made, as in a container, all else is taken, and it is said", async () => {
  const { confinement, lacks } = await confinementHere(refusing("--net"), true);
  assert.equal(confinement.unshare, undefined);
  assert.ok(confinement.setpriv !== undefined);
  assert.deepEqual(lacks, [
    "no process is kept from the network: unshare: --net failed: not permitted",
  ]);
});

test("where nothing may be taken away, processes have their users alone, and it is said", async () => {
  const { confinement, lacks } = await confinementHere(refusing("--net", "--no-new-privs"), true);
  assert.equal(confinement.setpriv, undefined);
  assert.match(lacks.join(), /^processes may gain privileges: unshare: .*not permitted$/u);
});

test("where capabilities cannot be taken from the bounding set, it is said", async () => {
  for (const refused of [[], ["--net"]]) {
    const { confinement, lacks } = await confinementHere(
      machine(refused, "00000000202004ff"),
      true,
    );
    assert.ok(confinement.setpriv !== undefined);
    assert.equal(
      lacks.at(-1),
      "processes keep a bounding set of capabilities (00000000202004ff): smtpd has no CAP_SETPCAP",
    );
  }
});

test("without root there are no namespaces, and no user to become", async () => {
  const children = refusing();
  const { confinement } = await confinementHere(children, false);
  assert.equal(confinement.unshare, undefined);
  assert.match(
    children.ran.join(),
    /^\S*setpriv --no-new-privs -- \/\S*\/cat \/proc\/self\/status$/u,
  );
});
