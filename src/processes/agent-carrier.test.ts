import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { SimClock } from "#world/sim/clock.ts";
import { configOf } from "#test/support/config-of.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import { memoryLinks } from "#test/support/memory-links.ts";
import { AgentCarrier } from "./agent-carrier.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { AGENT_CLIENT_SIDE } from "./shapes.ts";

const CONFIG = configOf(
  'action "own" maildir',
  'action "shared" maildir "/mail/%{dest.user}" user vmail',
  'action "forwards" lmtp "/run/lmtp.sock" forward-file',
  'match from any for any action "own"',
);

const MINUTE_MS = 60_000;

/** An agent at the other end of a link. */
interface Agent {
  readonly attempts: string[];
  /** Whose forward files were asked for. */
  readonly forwards: string[];
  readonly state: { closed: boolean; answers: boolean };
  close(): void;
}

class Desk {
  readonly clock: SimClock = new SimClock();
  readonly asked: (readonly [action: string, user: string])[] = [];
  readonly carrier: AgentCarrier = new AgentCarrier(
    this.clock,
    { config: CONFIG, generation: 0 },
    (action, user) => this.asked.push([action, user]),
  );

  /** The parent hands over a socket to the agent of `account`. */
  link(account: string, generation = 0): Agent {
    const defer = (run: () => void): void => void this.clock.after(0, run);
    const [near, far] = memoryLinks(AGENT_CLIENT_SIDE, defer);
    const attempts: string[] = [];
    const state = { closed: false, answers: true };
    const receiver = new AttemptReceiver((reply) => far.send(reply), {
      attempt: async (task) => {
        attempts.push(...task.envelopes.map(({ forwardPath }) => forwardPath));
        if (!state.answers) await new Promise(() => undefined);
        return task.envelopes.map(({ evpid }) => delivered(evpid));
      },
    });
    const forwards: string[] = [];
    far.start({
      message(request) {
        if (request.kind !== "forward-wanted") {
          receiver.request(request);
          return;
        }
        forwards.push(request.user);
        const file = { kind: "found", text: `for ${request.user}` } as const;
        if (state.answers) far.send({ kind: "forward-file", request: request.request, file });
      },
      closed: () => {
        state.closed = true;
      },
    });
    this.carrier.linked({ name: account, generation }, near);
    return { attempts, forwards, state, close: () => far.destroy() };
  }

  /** How the delivery of one letter to `user` ended, after at most `ms`. */
  settled(attempt: Promise<readonly DeliveryResult[]>, ms = MINUTE_MS): Promise<string> {
    return this.clock.runUntilSettled(
      attempt.then(([result]) => `${result?.outcome} ${result?.diagnostic}`),
      ms,
    );
  }
}

function letter(action: string, user: string): DeliveryTask {
  return taskOf(localEnvelope("0000000a", action, user));
}

function delivered(evpid: string): DeliveryResult {
  return { evpid, outcome: "delivered", status: "2.0.0", diagnostic: "Delivered", remote: "" };
}

test("the first delivery asks for the agent of its account, and those after it use it", async () => {
  const desk = new Desk();
  const first = desk.carrier.attempt(letter("own", "ann"));
  const second = desk.carrier.attempt(letter("own", "ann"));
  const agent = desk.link("ann");
  assert.equal(await desk.settled(first), "delivered Delivered");
  assert.equal(await desk.settled(second), "delivered Delivered");
  assert.equal(
    await desk.settled(desk.carrier.attempt(letter("own", "ann"))),
    "delivered Delivered",
  );
  assert.deepEqual(desk.asked, [["own", "ann"]]);
  assert.equal(agent.attempts.length, 3);
});

test("an action with a user of its own has one agent for all its recipients", async () => {
  const desk = new Desk();
  const both = ["ann", "ben"].map((user) => desk.carrier.attempt(letter("shared", user)));
  const agent = desk.link("vmail");
  for (const attempt of both) assert.equal(await desk.settled(attempt), "delivered Delivered");
  assert.deepEqual(desk.asked, [["shared", "ann"]]);
  assert.deepEqual(agent.attempts, ["ann@y.example", "ben@y.example"]);
});

test("a refusal of the parent defers, with its words, and the next delivery asks again", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  desk.carrier.refused("own", "ann", "Never delivers as root");
  assert.equal(await desk.settled(attempt), "deferred Never delivers as root");
  const next = desk.carrier.attempt(letter("own", "ann"));
  desk.link("ann");
  assert.equal(await desk.settled(next), "delivered Delivered");
});

test("an agent that is not there in time defers; one that comes too late is let go", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  assert.match(await desk.settled(attempt, 2 * MINUTE_MS), /^deferred .* in time$/u);
  const late = desk.link("ann");
  await desk.clock.advance(100);
  assert.ok(late.state.closed);
});

test("of two answers the second is let go", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  const first = desk.link("ann");
  const second = desk.link("ann");
  desk.carrier.refused("own", "ann", "a late refusal");
  assert.equal(await desk.settled(attempt), "delivered Delivered");
  await desk.clock.advance(100);
  assert.deepEqual([first.state.closed, second.state.closed], [false, true]);
  assert.equal(
    await desk.settled(desk.carrier.attempt(letter("own", "ann"))),
    "delivered Delivered",
  );
  assert.equal(desk.asked.length, 1);
});

test("an agent that dies defers what it had, and another is asked for", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  const agent = desk.link("ann");
  agent.state.answers = false;
  await desk.clock.advance(100);
  agent.close();
  assert.equal(await desk.settled(attempt), "deferred The delivery agent went away");
  const next = desk.carrier.attempt(letter("own", "ann"));
  desk.link("ann");
  assert.equal(await desk.settled(next), "delivered Delivered");
  assert.equal(desk.asked.length, 2);
});

test("a socket that was idle for a minute is closed, one with a delivery under way is not", async () => {
  const desk = new Desk();
  const busy = desk.carrier.attempt(letter("shared", "ben"));
  const slow = desk.link("vmail");
  slow.state.answers = false;
  const quick = desk.carrier.attempt(letter("own", "ann"));
  const idle = desk.link("ann");
  await desk.settled(quick);
  await desk.clock.advance(5 * MINUTE_MS);
  assert.deepEqual([idle.state.closed, slow.state.closed], [true, false]);
  slow.close();
  await desk.settled(busy);
  await desk.clock.advance(2 * MINUTE_MS);
  assert.equal(desk.clock.pendingTimers, 0);
});

test("what is no local delivery is deferred", async () => {
  const desk = new Desk();
  const envelope = {
    ...localEnvelope("0000000a", "own", "ann"),
    transport: { kind: "mta" } as const,
  };
  assert.equal(
    await desk.settled(desk.carrier.attempt(taskOf(envelope))),
    "deferred Not a local delivery",
  );
  assert.deepEqual(desk.asked, []);
});

test("a forward file is asked of the same agent that a delivery is", async () => {
  const desk = new Desk();
  const file = desk.carrier.read("forwards", "ann");
  const agent = desk.link("ann");
  const read = await desk.clock.runUntilSettled(file, MINUTE_MS);
  assert.deepEqual(read, { kind: "found", text: "for ann" });
  assert.equal(
    await desk.settled(desk.carrier.attempt(letter("own", "ann"))),
    "delivered Delivered",
  );
  assert.deepEqual([desk.asked, agent.forwards], [[["forwards", "ann"]], ["ann"]]);
});

test("a forward file that no agent can be had for, or that none gives, is unavailable", async () => {
  const desk = new Desk();
  const refused = desk.carrier.read("forwards", "ann");
  desk.carrier.refused("forwards", "ann", "Never delivers as root");
  assert.deepEqual(await refused, { kind: "unavailable", why: "Never delivers as root" });
  const slow = desk.carrier.read("forwards", "ann");
  const agent = desk.link("ann");
  agent.state.answers = false;
  const answer = await desk.clock.runUntilSettled(slow, MINUTE_MS);
  assert.deepEqual(answer, { kind: "unavailable", why: "it was not read in time" });
  const dying = desk.carrier.read("forwards", "ann");
  await desk.clock.advance(100);
  agent.close();
  const lost = await desk.clock.runUntilSettled(dying, MINUTE_MS);
  assert.deepEqual(lost, { kind: "unavailable", why: "The delivery agent went away" });
});

test("under another configuration a delivery waits for another agent; what is under way ends with the old one", async () => {
  const desk = new Desk();
  const first = desk.carrier.attempt(letter("own", "ann"));
  const old = desk.link("ann");
  assert.equal(await desk.settled(first), "delivered Delivered");
  desk.carrier.takeUp({ config: CONFIG, generation: 1 });
  const second = desk.carrier.attempt(letter("own", "ann"));
  const next = desk.link("ann", 1);
  assert.equal(await desk.settled(second), "delivered Delivered");
  assert.deepEqual([old.attempts.length, next.attempts.length, desk.asked.length], [1, 1, 2]);
  await desk.clock.advance(2 * MINUTE_MS);
  assert.equal(old.state.closed, true, "nobody needs it");
});

test("an agent of the old configuration that comes late is sent away, and asked for again", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  desk.carrier.takeUp({ config: CONFIG, generation: 1 });
  const late = desk.link("ann", 0);
  assert.deepEqual(desk.asked, [
    ["own", "ann"],
    ["own", "ann"],
  ]);
  desk.link("ann", 1);
  assert.equal(await desk.settled(attempt), "delivered Delivered");
  assert.deepEqual([late.attempts, late.state.closed], [[], true]);
});

test("an agent that never answers is let go of in time, and what it had is deferred", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("own", "ann"));
  const stopped = desk.link("ann");
  stopped.state.answers = false;
  await desk.clock.advance(9 * MINUTE_MS);
  assert.deepEqual([stopped.state.closed, desk.asked.length], [false, 1]);
  assert.equal(
    await desk.settled(attempt, 3 * MINUTE_MS),
    "deferred The delivery agent did not answer in time",
  );
  await desk.clock.advance(1);
  assert.equal(stopped.state.closed, true);
  const next = desk.carrier.attempt(letter("own", "ann"));
  assert.equal(desk.asked.length, 2);
  desk.link("ann");
  assert.equal(await desk.settled(next), "delivered Delivered");
});

test("a server in a home has the time that SMTP gives it", async () => {
  const desk = new Desk();
  const attempt = desk.carrier.attempt(letter("forwards", "ann"));
  const slow = desk.link("ann");
  slow.state.answers = false;
  await desk.clock.advance(29 * MINUTE_MS);
  assert.equal(slow.state.closed, false);
  assert.match(await desk.settled(attempt, 3 * MINUTE_MS), /in time/u);
});
