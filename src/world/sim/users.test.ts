import assert from "node:assert/strict";
import { test } from "node:test";
import { SimUsers } from "./users.ts";

test("simulated users are found, absent or unavailable", async () => {
  const alice = { name: "alice", uid: 1000, gid: 1000, home: "/home/alice" };
  const users = new SimUsers([alice]);
  assert.deepEqual(await users.lookup("alice"), { kind: "found", value: alice });
  assert.deepEqual(await users.lookup("bob"), { kind: "absent" });
  users.set({ ...alice, name: "bob" });
  assert.equal((await users.lookup("bob")).kind, "found");
  users.delete("bob");
  assert.equal((await users.lookup("bob")).kind, "absent");
  const cause = new Error("No answer from the directory");
  users.fail(cause);
  assert.deepEqual(await users.lookup("alice"), { kind: "unavailable", cause });
});
