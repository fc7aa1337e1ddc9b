import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { createRouting } from "./routing.ts";

const CONFIG = `listen on socket
action system maildir
action shared maildir "/srv/%{user.username}" user vmail ttl 1d
action store lmtp "/run/lmtp"
action out relay
match from any for domain shared.example action shared
match from any for domain lmtp.example action store
match from any for domain refused.example reject
match from any for domain system.example action system
match from local for any action out
`;

/** Accounts bob and root; "slow" cannot be asked. Remembers what was asked. */
class FakeUsers implements Users {
  readonly asked: string[] = [];

  lookup(name: string): Promise<Lookup<User>> {
    this.asked.push(name);
    const account = (uid: number): Lookup<User> => found({ name, uid, gid: uid, home: "/x" });
    if (name === "bob") return Promise.resolve(account(1000));
    if (name === "root" || name === "toor") return Promise.resolve(account(0));
    if (name === "slow") return Promise.resolve({ kind: "unavailable", cause: new Error("down") });
    return Promise.resolve(ABSENT);
  }
}

function resolve(
  forwardPath: string,
  users: Users = new FakeUsers(),
  via: RecipientQuery["via"] = "tcp",
): Resolution | Promise<Resolution> {
  const { config } = parseConfig(
    { file: "smtpd.conf", read: () => CONFIG },
    {
      serverName: "mx.example.org",
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.ok(config);
  const address = via === "tcp" ? "203.0.113.9" : "local";
  const origin = {
    kind: "smtp",
    address,
    hostname: "x",
    helo: "x",
    tag: "",
    username: "",
  } as const;
  return createRouting(config, users).resolve({
    origin,
    via,
    tls: false,
    reversePath: "",
    forwardPath,
  });
}

function mda(
  destination: string,
  action: string,
  user: string,
  [line, ttlMs]: [number, number],
): Resolution {
  const transport = { kind: "mda", user } as const;
  const envelope = { destination, action, transport, rule: `smtpd.conf:${line}`, ttlMs };
  return { kind: "accepted", envelopes: [envelope] };
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
        ttlMs: 4 * DAY_MS,
      },
    ],
  });
});

test("action with a user is answered at once, for any local part", () => {
  const users = new FakeUsers();
  assert.deepEqual(
    resolve("Bob.X+tag+more@shared.example", users),
    mda("Bob.X+tag+more@shared.example", "shared", "bob.x", [6, DAY_MS]),
  );
  assert.deepEqual(users.asked, []);
});

test("action without a user delivers to the account that the recipient names", async () => {
  const users = new FakeUsers();
  const expected = mda("BOB+x@lmtp.example", "store", "bob", [7, 4 * DAY_MS]);
  assert.deepEqual(await resolve("BOB+x@lmtp.example", users), expected);
  assert.deepEqual(users.asked, ["bob"]);
});

test("recipient without an account is rejected, one that cannot be looked up is not", async () => {
  const rejected = { kind: "rejected", rule: "smtpd.conf:9" };
  assert.deepEqual(await resolve("nobody@system.example"), rejected);
  assert.deepEqual(await resolve("slow@system.example"), { kind: "unavailable" });
});

test("nothing is delivered to uid 0, under whatever name", async () => {
  for (const name of ["root", "ROOT", "root+x", "toor"])
    assert.equal((await resolve(`${name}@system.example`)).kind, "rejected", name);
});

test("name that no account can have is rejected without a look-up", () => {
  const users = new FakeUsers();
  const names = ["", "+tag", "-rf", "a:b", "a/b", "a b", "a\nb", "a\0b", "x".repeat(256)];
  for (const name of names)
    assert.deepEqual(resolve(`${name}@system.example`, users), {
      kind: "rejected",
      rule: "smtpd.conf:9",
    });
  assert.deepEqual(users.asked, []);
});

test("rejection names the rule, or none", () => {
  assert.deepEqual(resolve("a@refused.example"), { kind: "rejected", rule: "smtpd.conf:8" });
  assert.deepEqual(resolve("a@elsewhere.example"), { kind: "rejected", rule: "" });
});

test("domain is what follows the last @", () => {
  assert.equal((resolve('"a@shared.example"@refused.example') as Resolution).kind, "rejected");
});
