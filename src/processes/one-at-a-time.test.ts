import assert from "node:assert/strict";
import { test } from "node:test";
import { OneAtATime } from "./one-at-a-time.ts";

/** Jobs that end when they are told to, and how many run. */
class Jobs {
  readonly queue = new OneAtATime<number>();
  readonly #ends: (() => void)[] = [];
  started = 0;
  #running = 0;
  mostAtOnce = 0;

  ask(name: string): Promise<number> | undefined {
    return this.queue.run(name, async () => {
      const number = ++this.started;
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#ends.push(resolve);
      await promise;
      this.#running--;
      return number;
    });
  }

  endOne(): void {
    this.#ends.shift()?.();
  }
}

test("a job that is asked for twice while another runs is done once, for both", async () => {
  const jobs = new Jobs();
  const first = jobs.ask("a");
  const [second, third] = [jobs.ask("a"), jobs.ask("a")];
  assert.equal(jobs.started, 1);
  jobs.endOne();
  assert.equal(await first, 1);
  await turn();
  jobs.endOne();
  assert.deepEqual([await second, await third], [2, 2]);
  assert.equal(jobs.mostAtOnce, 1);
});

test("another job than the one that waits is turned away", () => {
  const jobs = new Jobs();
  void jobs.ask("a");
  void jobs.ask("a");
  assert.equal(jobs.ask("b"), undefined);
});

test("a job that is asked for while one ends and another waits does not overtake it", async () => {
  for (let microtasks = 0; microtasks < 10; microtasks++) {
    const jobs = new Jobs();
    void jobs.ask("a");
    void jobs.ask("a");
    jobs.endOne();
    for (let n = 0; n < microtasks; n++) await Promise.resolve();
    void jobs.ask("a");
    await turn();
    assert.equal(jobs.mostAtOnce, 1, `${microtasks} microtasks after the end`);
  }
});

test("a job that fails does not keep the next one from running", async () => {
  const queue = new OneAtATime<string>();
  const failing = queue.run("a", () => Promise.reject(new Error("broken")));
  const next = queue.run("a", () => Promise.resolve("done"));
  await assert.rejects(async () => failing, /broken/u);
  assert.equal(await next, "done");
});

/** Everything that waits for nothing has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
