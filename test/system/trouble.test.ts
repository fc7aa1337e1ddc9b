/**
 * Mail under way from one host to another while everything goes wrong: the network
 * breaks, processes are killed, the power goes. Each test runs with many seeds and
 * says which one failed: `test/system: seed N`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROLES } from "#processes/roles.ts";
import type { Role } from "#processes/roles.ts";
import { SimRandom } from "#world/sim/random.ts";
import type { MailHost } from "./mail-host.ts";
import { B_ENDPOINT, letter, subjects, type TwoHosts, twoHosts } from "./two-hosts.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Longer than any wait between two attempts that these tests come to. */
const RECOVERY_MS = 30 * HOUR_MS;
const LETTERS = 12;
const SENDING_MS = 15_000;
/** Slow enough that trouble finds something under way. */
const LATENCY_MS = 100;
const SEEDS = 5;

/** Sends letters at random times over some seconds; the subjects that were acknowledged. */
async function traffic(hosts: TwoHosts, random: SimRandom): Promise<ReadonlySet<string>> {
  const { world, a } = hosts;
  const acknowledged = new Set<string>();
  const sent = Array.from({ length: LETTERS }, async (_, n) => {
    const subject = `letter ${n}`;
    await new Promise<void>((resolve) => {
      world.clock.after(random.below(SENDING_MS), resolve);
    });
    const { code } = await a.send(letter(subject, n === 0 ? 300_000 : random.pick([0, 5_000])));
    if (code === 0) acknowledged.add(subject);
  });
  await Promise.all(sent);
  return acknowledged;
}

/** Runs `check` with each seed; a failure names it. */
async function withSeeds(
  check: (seed: number, random: SimRandom) => Promise<void>,
  count = SEEDS,
): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    try {
      await check(seed, new SimRandom(seed).fork("trouble"));
    } catch (error) {
      throw new Error(`test/system: seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
}

/** Everything that was acknowledged is in the mailbox; nothing waits any more. */
async function allArrived(
  hosts: TwoHosts,
  acknowledged: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> {
  await hosts.world.clock.advance(RECOVERY_MS);
  const arrived = await subjects(hosts.b, "ben");
  for (const subject of acknowledged) {
    assert.ok(arrived.has(subject), `"${subject}" was acknowledged and did not arrive`);
  }
  assert.deepEqual(await hosts.a.queue(), []);
  assert.deepEqual(await hosts.b.queue(), []);
  return arrived;
}

test("a network that breaks connections at any byte delays mail and loses none", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 12; n++) {
      const kind = random.pick(["reset-after", "stall-after"] as const);
      const from = random.pick(["client", "server"] as const);
      world.network.fail(B_ENDPOINT, { kind, bytes: random.below(2_000), from }, 2);
      await world.clock.advance(3_000);
    }
    world.network.clearFaults();
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    assert.equal(acknowledged.size, LETTERS, "the clients had a network without faults");
    await allArrived(hosts, acknowledged);
  });
});

test("connections that all break at once lose no mail, on either side", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 8; n++) {
      await world.clock.advance(random.below(4_000));
      world.network.resetAll();
    }
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    await allArrived(hosts, acknowledged);
  });
});

for (const role of Object.keys(ROLES) as Role[]) {
  test(`${role} killed again and again: nothing acknowledged is lost, and mail flows on`, async () => {
    await withSeeds(async (seed, random) => {
      const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
      const { world, a, b } = hosts;
      const sending = traffic(hosts, random);
      for (let n = 0; n < 10; n++) {
        await world.clock.advance(random.below(2_000));
        random.pick([a, b]).kill(role);
      }
      const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
      await allArrived(hosts, acknowledged);
      await world.clock.advance(MINUTE_MS);
      const { code, lines } = await a.submit(letter("afterwards"));
      assert.equal(code, 0, lines.join("\n"));
      await world.clock.advance(MINUTE_MS);
      assert.equal((await subjects(b, "ben")).get("afterwards"), 1);
    });
  });
}

test("a queue killed while its dispatchers deliver sends nothing twice: they know what they did", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world, a } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 6; n++) {
      await world.clock.advance(random.below(4_000));
      a.kill("queue");
    }
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    const arrived = await allArrived(hosts, acknowledged);
    for (const [subject, times] of arrived) assert.equal(times, 1, subject);
  });
});

test("a host that is killed as a whole, and started again, loses nothing acknowledged", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world, a, b } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 5; n++) {
      await world.clock.advance(random.below(4_000));
      const host: MailHost = random.pick([a, b]);
      host.killAll();
      await world.clock.advance(random.below(3_000));
      await host.start();
    }
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    await allArrived(hosts, acknowledged);
  });
});

test("after power cuts in the middle of any disk operation nothing acknowledged is lost", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world, a, b } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 4; n++) {
      world.disk.losePowerAt(world.disk.operations + 1 + random.below(60));
      await world.clock.advance(random.below(5_000));
      world.crash();
      a.gone();
      b.gone();
      await world.clock.advance(random.below(3_000));
      await a.start();
      await b.start();
    }
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    await allArrived(hosts, acknowledged);
  });
});

test("a clean stop and start in the middle of everything sends nothing twice", async () => {
  await withSeeds(async (seed, random) => {
    const hosts = await twoHosts(seed, { network: { latencyMs: LATENCY_MS } });
    const { world, a, b } = hosts;
    const sending = traffic(hosts, random);
    for (let n = 0; n < 4; n++) {
      await world.clock.advance(random.below(4_000));
      const host = random.pick([a, b]);
      await host.stop();
      await world.clock.advance(random.below(3_000));
      await host.start();
    }
    const acknowledged = await world.clock.runUntilSettled(sending, HOUR_MS);
    const arrived = await allArrived(hosts, acknowledged);
    for (const [subject, times] of arrived) assert.equal(times, 1, subject);
  });
});
