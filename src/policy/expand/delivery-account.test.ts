import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import type { LocalAction } from "#model/config/action.ts";
import { configOf } from "#test/support/config-of.ts";
import { deliveryAccount } from "./delivery-account.ts";

const ANN = { name: "ann", uid: 1000, gid: 1000, home: "/home/ann" };
const VMAIL = { name: "vmail", uid: 500, gid: 500, home: "/srv" };

const users: Users = {
  async lookup(name) {
    if (name === "ghost") return { kind: "unavailable", cause: new Error("no answer") };
    const user = [ANN, VMAIL].find((each) => each.name === name);
    return user === undefined ? ABSENT : found(user);
  },
};

function localAction(options: string): LocalAction {
  const config = configOf(
    'table base { box = "7:8:/mail/box" }',
    `action "a" maildir ${options}`,
    'match from any for domain "x.example" action "a"',
  );
  const action = config.actions.get("a");
  assert.ok(action !== undefined && action.kind !== "relay", options);
  return action;
}

function look(options: string, user: string) {
  const sources = { users, subAddressDelimiter: "+" };
  return deliveryAccount(localAction(options), user, sources);
}

test("a recipient's account is the system's user, unless there is a userbase", async () => {
  assert.deepEqual(await look("", "ann"), found(ANN));
  assert.deepEqual(await look("", "box"), ABSENT);
  const box = { name: "box", uid: 7, gid: 8, home: "/mail/box" };
  assert.deepEqual(await look("userbase <base>", "box"), found(box));
  assert.deepEqual(await look("userbase <base>", "ann"), ABSENT);
});

test("the user of the action goes before whoever gets the mail, and is the system's", async () => {
  for (const options of ["user vmail", "user vmail userbase <base>"])
    for (const user of ["ann", "box", "nobody"])
      assert.deepEqual(await look(options, user), found(VMAIL), `${options}: ${user}`);
});

test("an account that nobody can tell of is not one that is missing", async () => {
  assert.equal((await look("", "ghost")).kind, "unavailable");
  const action = localAction("userbase <base>");
  assert.ok(action.userbase !== undefined);
  const userbase = { ...action.userbase, entries: new Map([["odd", "no user information"]]) };
  const sources = { users, subAddressDelimiter: "+" };
  assert.equal(
    (await deliveryAccount({ ...action, userbase }, "odd", sources)).kind,
    "unavailable",
  );
});
