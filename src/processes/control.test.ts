import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  controlAnswerCodec,
  controlRequestCodec,
  type PagedAnswer,
} from "#model/ipc/control-link.ts";
import { encodeFrame, FrameReader } from "#model/ipc/frame.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimNetwork } from "#world/sim/network.ts";
import { simRandom } from "#world/sim/random.ts";
import { Control, MAX_CLIENTS } from "./control.ts";
import { type AnswerRequest, ControlAnswerer, PAGE_BYTES } from "./control-answerer.ts";
import { ChannelAsker } from "./control-asker.ts";
import { CLIENT_TIMEOUT_MS, MAX_REQUEST_BYTES, MAX_WAITING_REQUESTS } from "./control-client.ts";

const DONE: ControlAnswer = { kind: "done", ok: true, text: "", count: 0 };
const SHOW_QUEUE: ControlRequest = { kind: "show-queue", target: { kind: "all" }, form: "text" };
const EVERYTHING: ControlRequest = {
  kind: "remove",
  target: { kind: "all" },
  isSure: true,
};

function row(line: string): ControlAnswer {
  return { kind: "row", line, json: JSON.stringify({ line }) };
}

/** What a client saw, and its end of the connection. */
interface Client {
  readonly connection: Connection;
  readonly answers: ControlAnswer[];
  isClosed: boolean;
  send(...requests: readonly ControlRequest[]): void;
}

/** The control role between clients in memory and two answerers of the test's making. */
class Stage {
  readonly clock = new SimClock();
  readonly queue = new ChannelAsker("queue");
  readonly parent = new ChannelAsker("parent");
  readonly control = new Control({ queue: this.queue, parent: this.parent }, this.clock);
  readonly #network = new SimNetwork(this.clock, simRandom(1));

  constructor(queue: AnswerRequest, parent: AnswerRequest) {
    this.attach(this.queue, queue);
    this.attach(this.parent, parent);
  }

  attach(asker: ChannelAsker, answer: AnswerRequest): ControlAnswerer {
    const later = (run: () => void): void => void this.clock.after(0, run);
    const answerer = new ControlAnswerer(answer, (message: PagedAnswer) =>
      later(() => asker.answer(message)),
    );
    asker.attach({
      send: (request) => later(() => answerer.request(request)),
      page: (request) => later(() => answerer.request(request)),
    });
    return answerer;
  }

  /** How many clients there are, as `client` is told. */
  async sessionsTold(client: Client): Promise<string> {
    client.send({ kind: "show-stats" });
    await this.pass(1000);
    const own = client.answers.find((answer) => answer.kind === "row");
    return own?.line ?? "";
  }

  connect(): Client {
    const [connection, server] = this.#network.pair({ kind: "unix", path: "/control.sock" });
    const client: Client = {
      connection,
      answers: [],
      isClosed: false,
      send(...requests) {
        for (const request of requests) {
          connection.write(encodeFrame(controlRequestCodec, request));
        }
      },
    };
    const reader = new FrameReader(controlAnswerCodec, 1024 * 1024);
    connection.start({
      data: (bytes) => {
        const fault = reader.push(bytes.slice(), (answer) => client.answers.push(answer));
        assert.equal(fault, undefined);
      },
      end: () => connection.end(),
      drain() {},
      closed: () => {
        client.isClosed = true;
      },
    });
    this.control.accept(server);
    return client;
  }

  /** Lets `ms` of virtual time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }
}

/** Says what it was asked, in one row. */
function named(name: string): AnswerRequest {
  return async function* (request) {
    yield row(`${name} ${request.kind}`);
    yield DONE;
  };
}

describe("the control role", () => {
  const routed: readonly (readonly [request: ControlRequest, ...lines: readonly string[]])[] = [
    [SHOW_QUEUE, "queue show-queue"],
    [
      { kind: "show-counts", target: { kind: "all" }, by: "domain", groups: 5 },
      "queue show-counts",
    ],
    [{ kind: "show-envelope", evpid: "0000000100000001" }, "queue show-envelope"],
    [{ kind: "show-message", id: "00000001" }, "queue show-message"],
    [{ kind: "schedule", target: { kind: "all" }, isSure: false }, "queue schedule"],
    [EVERYTHING, "queue remove"],
    [
      { kind: "pause-envelope", target: { kind: "all" }, isSure: false, paused: true },
      "queue pause-envelope",
    ],
    [{ kind: "pause", subsystem: "mta", paused: true }, "queue pause", "parent pause"],
    [{ kind: "pause", subsystem: "mda", paused: true }, "queue pause", "parent pause"],
    [{ kind: "pause", subsystem: "smtp", paused: true }, "parent pause"],
    [{ kind: "show-relaying", question: "hosts" }, "queue show-relaying"],
    [{ kind: "resume-route", route: 1 }, "queue resume-route"],
    [{ kind: "show-blocks" }, "parent show-blocks"],
    [
      { kind: "block", block: { source: "192.0.2.1", domain: "" }, isBlocked: true },
      "parent block",
    ],
    [{ kind: "log", verbose: true }, "parent log"],
    [{ kind: "stop" }, "parent stop"],
    [{ kind: "show-status" }, "queue show-status", "parent show-status"],
  ];
  test("asks whoever knows, and says when that was all", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    for (const [request, ...lines] of routed) {
      const client = stage.connect();
      client.send(request);
      await stage.pass(1000);
      assert.deepEqual(client.answers, [...lines.map(row), DONE]);
      client.connection.end();
      await stage.pass(1000);
    }
    assert.equal(await stage.sessionsTold(stage.connect()), "control.session=1");
  });

  test("adds what it counts itself to the figures of the others", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    stage.connect();
    const client = stage.connect();
    client.send({ kind: "show-stats" });
    await stage.pass(1000);
    const own: ControlAnswer = {
      kind: "row",
      line: "control.session=2",
      json: '{"control.session":2}',
    };
    assert.deepEqual(client.answers, [
      own,
      row("queue show-stats"),
      row("parent show-stats"),
      DONE,
    ]);
  });

  test("answers several requests of one client in their order", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    const client = stage.connect();
    client.send(SHOW_QUEUE, { kind: "stop" });
    await stage.pass(1000);
    assert.deepEqual(client.answers, [row("queue show-queue"), DONE, row("parent stop"), DONE]);
  });

  test("answers what a client asked before it closed its half", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    const client = stage.connect();
    client.send({ kind: "stop" });
    client.connection.end();
    await stage.pass(1000);
    assert.deepEqual(client.answers, [row("parent stop"), DONE]);
    assert.equal(client.isClosed, true);
  });

  test("says that the queue is restarting, before and while it is asked", async () => {
    const stuck: AnswerRequest = async function* () {
      yield row("one");
      await new Promise(() => {});
      yield DONE;
    };
    const stage = new Stage(stuck, named("parent"));
    const client = stage.connect();
    client.send({ kind: "show-status" });
    await stage.pass(1000);
    stage.queue.detach();
    client.send(EVERYTHING);
    await stage.pass(1000);
    const restarting = { kind: "done", ok: false, text: "queue is restarting", count: 0 };
    assert.deepEqual(client.answers, [
      row("one"),
      row("parent show-status"),
      restarting,
      restarting,
    ]);
    stage.attach(stage.queue, named("queue"));
    client.send(EVERYTHING);
    await stage.pass(1000);
    assert.deepEqual(client.answers.slice(4), [row("queue remove"), DONE]);
  });

  test("makes the queue wait for a client that does not read", async () => {
    const line = "x".repeat(1024);
    const rowCount = 20_000;
    let madeCount = 0;
    const stage = new Stage(async function* () {
      for (; madeCount < rowCount; madeCount++) yield row(line);
      yield DONE;
    }, named("parent"));
    const client = stage.connect();
    client.connection.pause();
    client.send(SHOW_QUEUE);
    await stage.pass(1000);
    const perPage = PAGE_BYTES / line.length;
    assert.ok(madeCount <= 2 * perPage, `${madeCount} rows for a client that reads none`);
    client.connection.resume();
    await stage.pass(CLIENT_TIMEOUT_MS);
    assert.equal(client.answers.length, rowCount + 1);
  });

  test("waits with the client for an order that takes long", async () => {
    const stage: Stage = new Stage(async function* () {
      await new Promise<void>((resolve) => void stage.clock.after(3 * CLIENT_TIMEOUT_MS, resolve));
      yield DONE;
    }, named("parent"));
    const client = stage.connect();
    client.send(EVERYTHING);
    await stage.pass(3 * CLIENT_TIMEOUT_MS + 1000);
    assert.deepEqual(client.answers, [DONE]);
    await stage.pass(2 * CLIENT_TIMEOUT_MS);
    assert.equal(client.isClosed, true);
  });

  test("carries out what was ordered when the client goes away, and stops what is only shown", async () => {
    const doneSteps: string[] = [];
    const stage: Stage = new Stage(async function* (request) {
      for (let step = 0; step < 3; step++) {
        await new Promise<void>((resolve) => void stage.clock.after(1000, resolve));
        doneSteps.push(request.kind);
        yield row("x".repeat(100_000));
      }
      yield DONE;
    }, named("parent"));
    for (const request of [EVERYTHING, SHOW_QUEUE] as const) {
      const client = stage.connect();
      client.send(request);
      await stage.pass(500);
      client.connection.destroy();
      await stage.pass(10_000);
    }
    // That it has gone shows when an answer cannot be sent.
    assert.deepEqual(doneSteps, ["remove", "remove", "remove", "show-queue", "show-queue"]);
  });

  const garbage: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ["a bad length", new Uint8Array(64).fill(0xff)],
    ["a frame of no bytes", new Uint8Array(4)],
    ["an unknown request", new Uint8Array([0, 0, 0, 1, 200])],
    ["a flow request of the inner protocol", new Uint8Array([0, 0, 0, 1, 33])],
    ["64 KB of noise", new Uint8Array(65_536).fill(0x5a)],
    ["a frame above the bound", frameOfLength(MAX_REQUEST_BYTES + 1)],
    [
      "more requests than may wait",
      Buffer.concat(
        Array.from({ length: MAX_WAITING_REQUESTS + 2 }, () =>
          encodeFrame(controlRequestCodec, { kind: "stop" }),
        ),
      ),
    ],
  ];
  for (const [what, bytes] of garbage) {
    test(`closes the connection that sends ${what}, and no other`, async () => {
      const silent: AnswerRequest = async function* () {
        await new Promise(() => {});
        yield DONE;
      };
      const stage = new Stage(named("queue"), silent);
      const good = stage.connect();
      const bad = stage.connect();
      bad.connection.write(bytes);
      await stage.pass(1000);
      assert.equal(bad.isClosed, true);
      good.send(SHOW_QUEUE);
      await stage.pass(1000);
      assert.deepEqual(good.answers, [row("queue show-queue"), DONE]);
    });
  }

  test("waits for the rest of a frame, and closes when it does not come", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    const client = stage.connect();
    const frame = encodeFrame(controlRequestCodec, { kind: "stop" });
    client.connection.write(frame.subarray(0, 2));
    await stage.pass(CLIENT_TIMEOUT_MS / 2);
    client.connection.write(frame.subarray(2));
    await stage.pass(CLIENT_TIMEOUT_MS / 2);
    assert.deepEqual(client.answers, [row("parent stop"), DONE]);
    client.connection.write(frame.subarray(0, 2));
    await stage.pass(2 * CLIENT_TIMEOUT_MS);
    assert.equal(client.isClosed, true);
    assert.equal(stage.clock.pendingTimers, 0);
  });

  test("sends one client too many away", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    const clients = Array.from({ length: MAX_CLIENTS + 1 }, () => stage.connect());
    await stage.pass(1000);
    assert.deepEqual(clients.at(-1)?.answers, [
      { kind: "done", ok: false, text: "too many clients", count: 0 },
    ]);
    assert.equal(clients.at(-1)?.isClosed, true);
    const [first] = clients;
    assert.ok(first !== undefined, "there is a first");
    assert.equal(await stage.sessionsTold(first), `control.session=${MAX_CLIENTS}`);
  });

  test("lets its clients have what was answered when the daemon ends", async () => {
    const stage = new Stage(named("queue"), named("parent"));
    const client = stage.connect();
    client.send({ kind: "stop" });
    await stage.pass(1000);
    stage.control.close();
    await stage.pass(1000);
    assert.deepEqual(client.answers, [row("parent stop"), DONE]);
    assert.equal(client.isClosed, true);
  });
});

function frameOfLength(bytes: number): Uint8Array {
  const frame = new Uint8Array(4 + bytes);
  new DataView(frame.buffer).setUint32(0, bytes);
  return frame;
}
