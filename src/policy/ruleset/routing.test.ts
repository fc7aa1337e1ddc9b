import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { configOf } from "#test/support/config-of.ts";
import { createRouting } from "./routing.ts";

const CONFIG = configOf(
  "listen on socket",
  "action system maildir",
  'action shared maildir "/srv/%{user.username}" user vmail ttl 1d',
  'action store lmtp "/run/lmtp"',
  "action out relay",
  "match from any for domain shared.example action shared",
  "match from any for domain lmtp.example action store",
  "match from any for domain refused.example reject",
  "match from any for domain system.example action system",
  "match from local for any action out",
);

/** Accounts bob and root; "slow" cannot be asked. Remembers what was asked. */
class FakeUsers implements Users {
  readonly asked: string[] = [];

  lookup(name: string): Promise<Lookup<User>> {
    this.asked.push(name);
    const account = (uid: number): Lookup<User> => found({ name, uid, gid: uid, home: "/x" });
    if (name === "bob" || name === "vmail") return Promise.resolve(account(1000));
    if (name === "root" || name === "toor") return Promise.resolve(account(0));
    if (name === "slow") return Promise.resolve({ kind: "unavailable", cause: new Error("down") });
    return Promise.resolve(ABSENT);
  }
}

function queryFor(forwardPath: string, via: RecipientQuery["via"] = "tcp"): RecipientQuery {
  const origin = {
    kind: "smtp",
    address: via === "tcp" ? "203.0.113.9" : "local",
    hostname: "x",
    helo: "x",
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  } as const;
  return { origin, via, tls: false, reversePath: "", forwardPath };
}

function resolve(
  forwardPath: string,
  users: Users = new FakeUsers(),
  via: RecipientQuery["via"] = "tcp",
): Resolution | Promise<Resolution> {
  return createRouting(CONFIG, { users }).resolve(queryFor(forwardPath, via));
}

function mda(
  destination: string,
  action: string,
  [user, extension]: readonly [user: string, extension: string],
  [line, ttlMs]: readonly [number, number],
): Resolution {
  const transport = { kind: "mda", user, extension } as const;
  const rule = `smtpd.conf:${line}`;
  return {
    kind: "accepted",
    envelopes: [{ destination, action, transport, rule, trail: [], ttlMs }],
  };
}

const DAY_MS = 86_400_000;

test("relay is answered at once, with the queue's time to live", () => {
  assert.deepEqual(resolve("Ann@Elsewhere.example", new FakeUsers(), "socket"), {
    kind: "accepted",
    envelopes: [
      {
        destination: "Ann@Elsewhere.example",
        action: "out",
        transport: { kind: "mta" },
        rule: "smtpd.conf:10",
        trail: [],
        ttlMs: 4 * DAY_MS,
      },
    ],
  });
});

test("action with a user is answered at once, for any local part, but for the first: is that user root?", async () => {
  const users = new FakeUsers();
  const routing = createRouting(CONFIG, { users });
  const expected = mda(
    "Bob.X+tag+more@shared.example",
    "shared",
    ["bob.x", "tag+more"],
    [6, DAY_MS],
  );
  const query = queryFor("Bob.X+tag+more@shared.example");
  assert.deepEqual(await routing.resolve(query), expected);
  assert.deepEqual(routing.resolve(query), expected);
  assert.deepEqual(users.asked, ["vmail"]);
});

test("action whose user turns out to have uid 0 takes nothing", async () => {
  const routing = createRouting(
    configOf("listen on socket", 'action a maildir "/srv" user toor', "match for any action a"),
    { users: new FakeUsers() },
  );
  const rule = "smtpd.conf:3";
  const why = "the action's user has uid 0";
  assert.deepEqual(await routing.resolve({ ...queryFor("a@x.example"), via: "socket" }), {
    kind: "rejected",
    rule,
    why,
  });
});

test("under compat opensmtpd the recipient of an action with a user must be an account", async () => {
  const routing = createRouting(
    configOf(
      "compat opensmtpd",
      'action a maildir "/srv" user vmail',
      "match from any for any action a",
    ),
    { users: new FakeUsers() },
  );
  assert.equal((await routing.resolve(queryFor("bob@x.example"))).kind, "accepted");
  assert.equal((await routing.resolve(queryFor("eve@x.example"))).kind, "rejected");
});

test("action without a user delivers to the account that the recipient names", async () => {
  const users = new FakeUsers();
  const expected = mda("BOB+x@lmtp.example", "store", ["bob", "x"], [7, 4 * DAY_MS]);
  assert.deepEqual(await resolve("BOB+x@lmtp.example", users), expected);
  assert.deepEqual(users.asked, ["bob"]);
});

test("recipient without an account is rejected, one that cannot be looked up is not", async () => {
  const rejected = { kind: "rejected", rule: "smtpd.conf:9", why: "no such user" };
  assert.deepEqual(await resolve("nobody@system.example"), rejected);
  assert.deepEqual(await resolve("slow@system.example"), {
    kind: "unavailable",
    why: "down",
  });
});

test("nothing is delivered to uid 0, under whatever name", async () => {
  for (const name of ["root", "ROOT", "root+x", "toor"])
    assert.equal((await resolve(`${name}@system.example`)).kind, "rejected", name);
});

test("a user of the daemon is refused at once, not after days: no agent would run as one", () => {
  for (const name of [...DAEMON_USERS, "_SMTPD", "_smtpq+x"])
    assert.deepEqual(resolve(`${name}@system.example`), {
      kind: "rejected",
      rule: "smtpd.conf:9",
      why: "never delivers to a user of the daemon",
    });
});

test("name that no account can have is rejected without a look-up", () => {
  const users = new FakeUsers();
  const names = ["", "+tag", "-rf", "a:b", "a/b", "a b", "a\nb", "a\0b", "x".repeat(256)];
  for (const name of names)
    assert.deepEqual(resolve(`${name}@system.example`, users), {
      kind: "rejected",
      rule: "smtpd.conf:9",
      why: name === "" || name === "+tag" ? "an empty local part" : "no account can have this name",
    });
  assert.deepEqual(users.asked, []);
});

test("rejection names the rule, or none", () => {
  assert.deepEqual(resolve("a@refused.example"), {
    kind: "rejected",
    rule: "smtpd.conf:8",
    why: "the rule says so",
  });
  assert.deepEqual(resolve("a@elsewhere.example"), {
    kind: "rejected",
    rule: "",
    why: "no rule matches",
  });
});

test("domain is what follows the last @", () => {
  assert.equal((resolve('"a@shared.example"@refused.example') as Resolution).kind, "rejected");
});
