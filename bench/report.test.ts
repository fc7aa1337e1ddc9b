import assert from "node:assert/strict";
import { test } from "node:test";
import type { Measurement } from "./measure.ts";
import { formatScenario, median } from "./report.ts";

function run(messagesPerSecond: number, peakMegabytes: number): Measurement {
  return {
    messagesPerSecond,
    cpuSecondsPer1000: undefined,
    peakMegabytes,
    p50Ms: undefined,
    p99Ms: undefined,
    firstSeconds: undefined,
    greetingMs: undefined,
  };
}

test("the median of an even number of values lies between the two in the middle", () => {
  assert.deepEqual([median([4, 1, 3, 2]), median([9]), median([])], [2.5, 9, undefined]);
});

test("a scenario is shown with medians, spreads and the ratio, without empty columns", () => {
  const peers = [
    { peer: "one", durability: "a sync", runs: [run(3000, 80), run(2800, 82), run(3100, 81)] },
    { peer: "other", durability: "another", runs: [run(1000, 40)] },
  ];
  assert.equal(
    formatScenario("accept", peers),
    [
      "### accept",
      "",
      "| peer | messages/s | peak PSS, MB | durable by |",
      "| --- | ---: | ---: | --- |",
      "| one | 3000 (2800–3100) | 81.0 (80.0–82.0) | a sync |",
      "| other | 1000 | 40.0 | another |",
      "| one : other | 3.00 × | 2.02 × |  |",
      "",
    ].join("\n"),
  );
});
