import assert from "node:assert/strict";
import { test } from "node:test";
import { type ControlAnswer, done, failed } from "#model/ipc/control-link.ts";
import { ScriptedDaemon } from "#test/support/scripted-daemon.ts";

const HEADER =
  "--- client ---  -- envelope --   ---- relay/delivery --- ------- misc -------\n" +
  "curr conn disc  curr  enq  deq   ok tmpfail prmfail loop expire remove bounce\n";

/** What two processes count. */
function stats(
  queue: Readonly<Record<string, number>>,
  dispatchers: Readonly<Record<string, number>>,
): readonly ControlAnswer[] {
  const rows = [queue, dispatchers].map(
    (values): ControlAnswer => ({ kind: "row", line: "", json: JSON.stringify(values) }),
  );
  return [...rows, done()];
}

const BEFORE = stats(
  {
    "scheduler.envelope": 3,
    "scheduler.envelope.incoming": 10,
    "scheduler.delivery.ok": 6,
    "scheduler.delivery.tempfail": 20,
    "queue.bounce": 1,
  },
  { "smtp.session": 2, "smtp.session.inet4": 7, "smtp.session.local": 1 },
);
const AFTER = stats(
  {
    "scheduler.envelope": 2,
    "scheduler.envelope.incoming": 14,
    "scheduler.delivery.ok": 9,
    "scheduler.delivery.tempfail": 20,
    "scheduler.envelope.removed": 2,
    "queue.bounce": 1,
  },
  { "smtp.session": 3, "smtp.session.inet4": 10, "smtp.session.local": 1 },
);

/** Interrupts smtpctl after so many requests. */
function interruptedAfter(requests: number, answers: readonly (readonly ControlAnswer[])[]) {
  const daemon = new ScriptedDaemon();
  const interrupted = new AbortController();
  daemon.answer = () => {
    // The answer to the last request is not shown any more.
    if (daemon.asked.length > requests) interrupted.abort();
    return answers[Math.min(daemon.asked.length, answers.length) - 1] ?? [];
  };
  return { daemon, setting: { interruption: () => interrupted.signal } };
}

test("The first line of the monitor has all there was, the next what has changed", async () => {
  const { daemon, setting } = interruptedAfter(2, [BEFORE, AFTER]);
  const made = await daemon.run(["monitor"], setting);
  assert.deepEqual(made, {
    prints:
      HEADER +
      "   2    8    6     3   11    8    6      20       0    0      0      0      1\n" +
      "   3    3    2     2    4    5    3       0       0    0      0      2      0\n",
    complains: "",
    status: 0,
  });
});

test("The monitor has a header before each 25 lines, and one line a second", async () => {
  const { daemon, setting } = interruptedAfter(51, [BEFORE]);
  const { prints } = await daemon.run(["monitor"], setting);
  const lines = prints.trimEnd().split("\n");
  assert.deepEqual(
    lines.flatMap((line, at) => (line.startsWith("---") ? [at] : [])),
    [0, 28, 56],
  );
  assert.ok(daemon.clock.monotonicMs() >= 51_000, String(daemon.clock.monotonicMs()));
});

test("The monitor in JSON has the same figures, one object a line", async () => {
  const { daemon, setting } = interruptedAfter(2, [BEFORE, AFTER]);
  const { prints } = await daemon.run(["monitor", "--json"], setting);
  const second: unknown = JSON.parse(prints.split("\n")[1] ?? "");
  assert.deepEqual(second, {
    clients: 3,
    connected: 3,
    disconnected: 2,
    envelopes: 2,
    enqueued: 4,
    dequeued: 5,
    ok: 3,
    tempfail: 0,
    permfail: 0,
    loop: 0,
    expired: 0,
    removed: 2,
    bounces: 0,
  });
});

test("The monitor that is interrupted between two lines ends at once", async () => {
  const daemon = new ScriptedDaemon();
  const interrupted = new AbortController();
  daemon.answer = () => {
    daemon.clock.after(500, () => interrupted.abort());
    return BEFORE;
  };
  const { status } = await daemon.run(["monitor"], { interruption: () => interrupted.signal });
  assert.equal(status, 0);
  assert.equal(daemon.asked.length, 1);
});

test("The counts of a daemon that was started again are not negative", async () => {
  const { daemon, setting } = interruptedAfter(2, [AFTER, BEFORE]);
  const { prints } = await daemon.run(["monitor"], setting);
  assert.doesNotMatch(prints.split("\n").slice(2).join("\n"), /-/u);
});

test("The monitor of a queue that is restarting says so and fails", async () => {
  const { daemon, setting } = interruptedAfter(9, [BEFORE, [failed("queue is restarting")]]);
  const { complains, status } = await daemon.run(["monitor"], setting);
  assert.deepEqual([complains, status], ["smtpctl: queue is restarting\n", 1]);
});
