/** Groups of the system by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Children, RunResult } from "#base/ports/children.ts";
import { nodeChildren } from "./children.ts";
import { groupId } from "./groups.ts";

function answering(result: RunResult): Children {
  return { run: () => Promise.resolve(result) };
}

function printing(text: string, code = 0): Children {
  const stdout = Buffer.from(text);
  return answering({ kind: "exited", code, stdout, stderr: new Uint8Array() });
}

test("group of root is 0 on this machine", async () => {
  assert.deepEqual(await groupId("root", nodeChildren()), { kind: "found", value: 0 });
});

test("group that nobody made is absent", async () => {
  assert.equal((await groupId("no-such-group-here", nodeChildren())).kind, "absent");
});

test("text that is no group's name is asked about nowhere", async () => {
  const asksNobody: Children = { run: () => assert.fail("asked") };
  for (const name of ["0", "", "a b", "-x", "a:b", "a\nb"])
    assert.equal((await groupId(name, asksNobody)).kind, "absent", name);
});

test("answer that cannot be had is not the answer that there is none", async () => {
  const cases: readonly (readonly [Children, string])[] = [
    [printing("app:x:1234:\n"), "found"],
    [printing("", 2), "absent"],
    [printing("", 1), "unavailable"],
    [printing("nonsense\n"), "unavailable"],
    [answering({ kind: "timed-out" }), "unavailable"],
    [answering({ kind: "not-started", cause: new Error("no getent") }), "unavailable"],
  ];
  for (const [children, kind] of cases) assert.equal((await groupId("app", children)).kind, kind);
});
