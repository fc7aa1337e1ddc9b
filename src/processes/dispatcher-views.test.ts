import assert from "node:assert/strict";
import { test } from "node:test";
import type { ViewQuestion } from "#model/ipc/view-link.ts";
import type { RelayAnswer } from "#model/relay-report.ts";
import { SimClock } from "#world/sim/clock.ts";
import { DispatcherViews } from "./dispatcher-views.ts";

const NO_HOSTS: RelayAnswer = { kind: "hosts", hosts: [], leftOut: 0 };

test("all are asked; who is lost is not waited for, who is silent is named in time", async () => {
  const clock = new SimClock();
  const views = new DispatcherViews(clock);
  const asked: ViewQuestion[] = [];
  const sends = [0, 1, 2].map(() => (question: ViewQuestion) => void asked.push(question));
  for (const [index, send] of sends.entries()) views.add(index, send);
  const viewed = views.relaying("hosts");
  assert.deepEqual(
    asked.map(({ kind }) => kind),
    ["relaying-asked", "relaying-asked", "relaying-asked"],
  );
  const [{ request } = { request: 0 }] = asked;
  views.answered(0, { kind: "relaying", request, answer: NO_HOSTS });
  const [, second] = sends;
  if (second !== undefined) views.remove(1, second);
  await clock.advance(2000);
  assert.deepEqual(await viewed, { answers: new Map([[0, NO_HOSTS]]), silent: [2] });
});

/** Of a channel that is gone. */
function deaf(): void {}

test("what is asked of a dispatcher that is not there, or of its channel of before, has no answer", async () => {
  const clock = new SimClock();
  const views = new DispatcherViews(clock);
  assert.equal(await views.resumeRoute(1, 7), undefined);
  assert.deepEqual(await views.stages(1, [1, 2]), []);
  const asked: ViewQuestion[] = [];
  views.add(1, deaf);
  views.add(1, (question) => asked.push(question));
  views.remove(1, deaf);
  const resumed = views.resumeRoute(1, 7);
  const [question] = asked;
  assert.ok(question?.kind === "resume-route");
  assert.equal(question.route, 7);
  views.answered(1, { kind: "route-resumed", request: question.request, isResumed: true });
  assert.equal(await resumed, true);
});
