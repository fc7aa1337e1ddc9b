import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DnsAnswer,
  EMPTY_DNS,
  foundUnsigned,
  NO_SUCH_DOMAIN,
  type Resolver,
} from "#base/ports/resolver.ts";
import { SimClock } from "#world/sim/clock.ts";
import {
  MAX_REVERSE_NAMES,
  REVERSE_FOUND_TTL_MS,
  REVERSE_UNAVAILABLE_TTL_MS,
  REVERSE_WAIT_MS,
} from "./limits.ts";
import { UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import { ReverseNames } from "./reverse-names.ts";

const CLIENT = { hostname: "client.example", fcrdns: "fail" };

type Pointer = (address: string) => Promise<DnsAnswer<readonly string[]>>;

function resolverOf(pointer: Pointer): Resolver {
  return { ...EMPTY_DNS, pointer };
}

/** Names under a resolver that counts the questions. */
function namesOf(answer: (address: string) => DnsAnswer<readonly string[]>): {
  readonly clock: SimClock;
  readonly names: ReverseNames;
  readonly asked: readonly string[];
} {
  const clock = new SimClock();
  const asked: string[] = [];
  const pointer: Pointer = async (address) => {
    asked.push(address);
    return answer(address);
  };
  return { clock, names: new ReverseNames(clock, resolverOf(pointer)), asked };
}

test("reverse name is asked for once, also by sessions that come at the same time", async () => {
  const { names, asked } = namesOf(() => foundUnsigned(["client.example"], "client.example"));
  const both = await Promise.all([names.lookup("192.0.2.7"), names.lookup("192.0.2.7")]);
  assert.deepEqual([both, names.lookup("192.0.2.7")], [[CLIENT, CLIENT], CLIENT]);
  assert.deepEqual(asked, ["192.0.2.7"]);
});

test("reverse name is asked for again when it has grown old", async () => {
  const { clock, names, asked } = namesOf(() =>
    foundUnsigned(["client.example"], "client.example"),
  );
  await names.lookup("192.0.2.7");
  await clock.advance(REVERSE_FOUND_TTL_MS);
  await names.lookup("192.0.2.7");
  assert.equal(asked.length, 2);
});

test("reverse name that is no host name, absent or unavailable is unknown", async () => {
  const answers: Readonly<Record<string, DnsAnswer<readonly string[]>>> = {
    "192.0.2.1": foundUnsigned(["evil) (by mx\r\n"], "client.example"),
    "192.0.2.2": NO_SUCH_DOMAIN,
    "192.0.2.3": { kind: "unavailable", cause: new Error("SERVFAIL") },
  };
  const { names } = namesOf((address) => answers[address] ?? NO_SUCH_DOMAIN);
  for (const address of Object.keys(answers))
    assert.equal((await names.lookup(address)).hostname, UNKNOWN_HOSTNAME, address);
});

test("reverse name is not waited for longer than its bound, and soon asked for again", async () => {
  const clock = new SimClock();
  let asked = 0;
  const never: Pointer = () => {
    asked++;
    return new Promise(() => {});
  };
  const names = new ReverseNames(clock, resolverOf(never));
  const waiting = Promise.resolve(names.lookup("192.0.2.7"));
  await clock.advance(REVERSE_WAIT_MS);
  const unknown = { hostname: UNKNOWN_HOSTNAME, fcrdns: "error" };
  assert.deepEqual(await waiting, unknown);
  assert.deepEqual(names.lookup("192.0.2.7"), unknown);
  await clock.advance(REVERSE_UNAVAILABLE_TTL_MS);
  assert.ok(names.lookup("192.0.2.7") instanceof Promise, "DNS is asked again");
  assert.equal(asked, 2);
});

test("reverse names are bounded in number; the one not asked for the longest goes first", async () => {
  const { names } = namesOf(() => NO_SUCH_DOMAIN);
  await names.lookup("first");
  await names.lookup("second");
  for (let count = 2; count < MAX_REVERSE_NAMES; count++) await names.lookup(`${count}`);
  await names.lookup("first");
  await names.lookup("one too many");
  assert.ok(!(names.lookup("first") instanceof Promise), "still remembered");
  assert.ok(names.lookup("second") instanceof Promise, "forgotten");
});

const FORWARD: readonly (readonly [
  what: string,
  answer: DnsAnswer<readonly string[]>,
  fact: string,
])[] = [
  ["has the address", foundUnsigned(["192.0.2.9", "192.0.2.7"], "client.example"), "pass"],
  ["has others", foundUnsigned(["192.0.2.9"], "client.example"), "fail"],
  ["has none", NO_SUCH_DOMAIN, "fail"],
  ["cannot be asked for them", { kind: "unavailable", cause: new Error("SERVFAIL") }, "error"],
];

const named: Pointer = async () => foundUnsigned(["client.example"], "client.example");

for (const [what, answer, fcrdns] of FORWARD) {
  test(`reverse name that ${what} is a ${fcrdns}`, async () => {
    const resolver = { ...resolverOf(named), addresses: async () => answer };
    const names = new ReverseNames(new SimClock(), resolver);
    assert.deepEqual(await names.lookup("192.0.2.7"), { hostname: "client.example", fcrdns });
  });
}
