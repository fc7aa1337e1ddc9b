import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { SimWorld } from "#world/sim/world.ts";
import { LineWriter, MAX_UNWRITTEN_BYTES } from "./line-writer.ts";
import { type Logger, SystemLog } from "./system-log.ts";

/** Reads all that it is given until it ends, or nothing when it is stuck. */
class FakeLogger implements Logger {
  got = "";
  readonly stdin: Writable;
  readonly ended: Promise<string>;
  readonly #end: (how: string) => void;

  constructor(isStuck: boolean) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#end = resolve;
    this.stdin = new Writable({
      write: (bytes: Buffer, _, done) => {
        if (isStuck) return;
        this.got += bytes.toString();
        done();
      },
    });
  }

  kill(): void {
    this.#end("was ended by SIGKILL");
  }

  /** As a process does: its pipe breaks, and it has ended. */
  async dies(how: string): Promise<void> {
    this.#end(how);
    this.stdin.destroy();
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

class Scene {
  readonly world = new SimWorld(1);
  readonly loggers: FakeLogger[] = [];
  readonly complaints: string[] = [];
  readonly log: SystemLog;
  readonly lines: LineWriter;
  refusal: string | undefined;
  isStuck = false;

  constructor() {
    this.log = new SystemLog(
      {
        clock: this.world.clock,
        start: () => {
          if (this.refusal !== undefined) return this.refusal;
          const logger = new FakeLogger(this.isStuck);
          this.loggers.push(logger);
          return logger;
        },
      },
      { warningMark: "<4>", complain: (text) => this.complaints.push(text) },
    );
    this.lines = new LineWriter(this.log, "<4>");
  }

  /** Each has all its lines. */
  async got(): Promise<readonly (readonly string[])[]> {
    await turn();
    return this.loggers.map(({ got }) => got.split("\n").slice(0, -1));
  }
}

test("a logger that dies is followed by another, which gets what the first was not given", async () => {
  const scene = new Scene();
  scene.lines.write("info: one\n");
  await turn();
  await scene.loggers[0]?.dies("was ended by SIGKILL");
  scene.lines.write("info: two\n");
  scene.lines.write("warn: three\n");
  assert.equal(scene.loggers.length, 1, "not at once");
  await scene.world.clock.advance(200);
  scene.lines.write("info: four\n");
  assert.deepEqual(await scene.got(), [
    ["info: one"],
    [
      "<4>warn: logger(1) was ended by SIGKILL and was started again: what it had not read is lost",
      "info: two",
      "<4>warn: three",
      "info: four",
    ],
  ]);
  assert.deepEqual(scene.complaints, [
    "logger(1) was ended by SIGKILL: log lines wait until it is started again",
  ]);
});

test("lines that a stuck logger has left in our hands when it dies are not lost", async () => {
  const scene = new Scene();
  await scene.loggers[0]?.dies("was ended by SIGKILL");
  scene.isStuck = true;
  await scene.world.clock.advance(200);
  scene.lines.write("info: one\n");
  scene.lines.write("info: two\n");
  await turn();
  await scene.loggers[1]?.dies("was ended by SIGTERM");
  scene.isStuck = false;
  await scene.world.clock.advance(400);
  const [, , third] = await scene.got();
  assert.deepEqual(third?.slice(1), ["info: one", "info: two"]);
});

test("what is beyond the bound is dropped, counted, and told when there is a logger again", async () => {
  const scene = new Scene();
  await scene.loggers[0]?.dies("exited with 1");
  scene.lines.write(`${"x".repeat(MAX_UNWRITTEN_BYTES)}\n`);
  for (let n = 0; n < 1000; n++) scene.lines.write("info: lost\n");
  assert.ok(scene.log.unwrittenBytes <= MAX_UNWRITTEN_BYTES + 1);
  await scene.world.clock.advance(200);
  await turn();
  scene.lines.write("info: here again\n");
  const [, second] = await scene.got();
  assert.deepEqual(second?.slice(2), ["<4>warn: 1000 log lines lost", "info: here again"]);
});

test("one that always dies is started ever less often, and told of once", async () => {
  const scene = new Scene();
  for (let second = 0; second < 600; second++) {
    for (const logger of scene.loggers) await logger.dies("exited with 1");
    await scene.world.clock.advance(1_000);
  }
  assert.ok(scene.loggers.length > 10 && scene.loggers.length < 30, `${scene.loggers.length}`);
  assert.deepEqual(scene.complaints, [
    "logger(1) exited with 1: log lines wait until it is started again",
  ]);
});

test("one that cannot be started is tried again, and one that has lived is followed soon", async () => {
  const scene = new Scene();
  scene.refusal = "is not in /usr/bin";
  await scene.loggers[0]?.dies("was ended by SIGKILL");
  await scene.world.clock.advance(120_000);
  assert.equal(scene.loggers.length, 1);
  scene.refusal = undefined;
  await scene.world.clock.advance(30_000);
  assert.equal(scene.loggers.length, 2);
  await scene.world.clock.advance(60_000);
  await scene.loggers[1]?.dies("was ended by SIGKILL");
  await scene.world.clock.advance(200);
  assert.equal(scene.loggers.length, 3);
  assert.equal(scene.complaints.length, 3, "each fault, and again after it was well");
});

test("one that reads no more is ended, so that another can follow", async () => {
  const scene = new Scene();
  scene.loggers[0]?.stdin.destroy(new Error("EPIPE"));
  await turn();
  await scene.world.clock.advance(200);
  assert.equal(scene.loggers.length, 2);
});

test("after the end none is started, and what none was given is counted", async () => {
  const scene = new Scene();
  await scene.loggers[0]?.dies("was ended by SIGKILL");
  scene.lines.write("info: one\ninfo: two\n");
  scene.log.close(scene.lines.missing);
  await scene.world.clock.advance(60_000);
  assert.equal(scene.loggers.length, 1);
  assert.equal(scene.complaints.at(-1), "2 log lines lost");
});

test("at the end what was dropped for want of room is counted with what was not read", async () => {
  const scene = new Scene();
  await scene.loggers[0]?.dies("was ended by SIGKILL");
  scene.lines.write(`${"x".repeat(MAX_UNWRITTEN_BYTES)}\n`);
  scene.lines.write("info: one\ninfo: two\n");
  scene.log.close(scene.lines.missing);
  assert.equal(scene.complaints.at(-1), "3 log lines lost");
});
