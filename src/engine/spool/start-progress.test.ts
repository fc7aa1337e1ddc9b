import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#model/events.ts";
import { accepted, mail } from "#test/crash/mail.ts";
import { SPOOL_FOLDER, smallSpool } from "#test/crash/spool-scenario.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { openJournalSpool } from "./journal-spool.ts";
import { StartProgress } from "./start-progress.ts";

test("how far a start has come is said every few seconds, and never by one that is fast", async () => {
  const clock = new SimClock();
  const events: Event[] = [];
  const progress = new StartProgress(clock, (event) => events.push(event));
  for (let done = 1; done <= 120; done++) {
    progress.reached("journal", done, 120);
    await clock.advance(100);
  }
  assert.deepEqual(events, [
    { kind: "spool-progress", step: "journal", done: 51, of: 120 },
    { kind: "spool-progress", step: "journal", done: 101, of: 120 },
  ]);
});

test("a start that takes long says so while it reads, and while it hands over", async () => {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  const options = { ...smallSpool(disk.files(), "dsync"), checkpointRecords: 5 };
  const first = await openJournalSpool(options);
  assert.ok(first.kind === "opened");
  for (let number = 1; number <= 40; number++) await first.spool.commit([accepted(mail(number))]);
  await first.spool.close();

  // Each look at the clock finds that five seconds have passed.
  const steps = new Set<string>();
  let nowMs = 0;
  const clock = {
    wallMs: () => nowMs,
    monotonicMs() {
      nowMs += 5000;
      return nowMs;
    },
    after: () => () => undefined,
  };
  for (const checkpoint of ["there", "gone"]) {
    if (checkpoint === "gone") await disk.files().unlink(`${SPOOL_FOLDER}/checkpoint`);
    const again = await openJournalSpool({
      ...options,
      clock,
      checkpointRecords: Infinity,
      observe(event) {
        if (event.kind !== "spool-progress") return;
        assert.ok(event.done <= event.of, `${event.step}: ${event.done} of ${event.of}`);
        steps.add(`${event.step}, checkpoint ${checkpoint}`);
      },
    });
    assert.ok(again.kind === "opened");
    assert.equal((await allRecovered(again.spool)).length, 40);
    await again.spool.close();
  }
  assert.deepEqual([...steps].toSorted(), [
    "checkpoint, checkpoint there",
    "journal, checkpoint gone",
    "messages, checkpoint gone",
    "messages, checkpoint there",
  ]);
});
