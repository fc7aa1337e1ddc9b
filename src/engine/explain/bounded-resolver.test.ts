import assert from "node:assert/strict";
import { test } from "node:test";
import { type DnsAnswer, EMPTY_DNS, type Resolver } from "#base/ports/resolver.ts";
import { SimClock } from "#world/sim/clock.ts";
import { BoundedResolver, DNS_WAIT_MS } from "./bounded-resolver.ts";

function never(): Promise<DnsAnswer<never>> {
  return new Promise(() => {});
}

test("a resolver that does not answer is unavailable after the wait", async () => {
  const silent: Resolver = { ...EMPTY_DNS, mx: never, addresses: never };
  const clock = new SimClock();
  const resolver = new BoundedResolver(silent, clock);
  const answers = [resolver.mx("a.example"), resolver.addresses("a.example")];
  const kinds: string[] = [];
  for (const answer of answers) void answer.then(({ kind }) => kinds.push(kind));
  await clock.advance(DNS_WAIT_MS - 1);
  assert.deepEqual(kinds, []);
  await clock.advance(1);
  assert.deepEqual(kinds, ["unavailable", "unavailable"]);
});
