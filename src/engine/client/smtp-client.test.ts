import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import type { Network } from "#base/ports/network.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";
import { formatVerdict } from "#protocols/smtp/client-session-verdict.ts";
import type { MessageText } from "#model/delivery.ts";
import { SimWorld, type SimWorldSettings } from "#world/sim/world.ts";
import { textOf } from "#test/support/deliveries.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import type { SendOutcome } from "./client-settings.ts";
import { openClient } from "./open-client.ts";
import type { OpenResult, SmtpClient } from "./smtp-client.ts";

const AT = { kind: "tcp", host: "192.0.2.1", port: 25 } as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Scene {
  readonly world: SimWorld;
  readonly sink: Sink;
  readonly trace: string[];
}

async function setScene(sink: SinkSettings = {}, world: SimWorldSettings = {}): Promise<Scene> {
  const scene = { world: new SimWorld(1, world), sink: new Sink(sink), trace: [] };
  await scene.sink.listen(scene.world.network, AT);
  return scene;
}

function open({ world, trace }: Scene, dialect: Dialect = "smtp"): Promise<OpenResult> {
  const settings = { dialect, helo: "client.example", trace: (line: string) => trace.push(line) };
  return world.clock.runUntilSettled(openClient(world, AT, settings), HOUR_MS);
}

async function openReady(scene: Scene, dialect: Dialect = "smtp"): Promise<SmtpClient> {
  const opened = await open(scene, dialect);
  if (opened.kind === "failed") assert.fail(formatVerdict(opened.verdict));
  return opened.client;
}

function send(scene: Scene, client: SmtpClient, text: MessageText): Promise<SendOutcome> {
  return scene.world.clock.runUntilSettled(client.send(mailOf(text), text), 2 * HOUR_MS);
}

function mailOf(text: MessageText): ClientMail {
  const forwardPaths = ["b@server.example", "c@server.example"];
  return { reversePath: "a@client.example", forwardPaths, textBytes: text.bytes, is8bit: false };
}

function words(outcome: SendOutcome): readonly string[] {
  if (outcome.kind === "not-started") return [`not started: ${formatVerdict(outcome.verdict)}`];
  return outcome.verdicts.map((verdict) => `${verdict.kind} ${formatVerdict(verdict)}`);
}

const TEXT = "Subject: x\r\n\r\n.dot\r\nend\r\n";

test("client sends several messages over one connection, however the bytes arrive", async () => {
  for (const extensions of [[], ["PIPELINING", "SIZE"]]) {
    for (const chunkBytes of [1, 7, "whole"] as const) {
      const scene = await setScene({ extensions }, { network: { chunkBytes } });
      const client = await openReady(scene);
      for (const round of [1, 2, 3]) {
        const outcome = await send(scene, client, textOf(TEXT, round));
        assert.deepEqual(words(outcome), ["accepted 250 2.0.0 Taken", "accepted 250 2.0.0 Taken"]);
      }
      await scene.world.clock.runUntilSettled(client.quit(), HOUR_MS);
      assert.deepEqual(
        scene.sink.messages.map(({ text }) => text),
        [TEXT, TEXT, TEXT],
      );
      assert.equal(scene.sink.sessions, 1);
      assert.equal(await scene.world.clock.runUntilIdle(1000), "idle");
    }
  }
});

test("client writes MAIL, RCPT and DATA at once where PIPELINING is offered", async () => {
  const scene = await setScene({ extensions: ["PIPELINING"] });
  const client = await openReady(scene);
  await send(scene, client, textOf(TEXT));
  assert.deepEqual(scene.trace.slice(scene.trace.indexOf(">>> MAIL FROM:<a@client.example>")), [
    ">>> MAIL FROM:<a@client.example>",
    ">>> RCPT TO:<b@server.example>",
    ">>> RCPT TO:<c@server.example>",
    ">>> DATA",
    "<<< 250 2.0.0 Ok",
    "<<< 250 2.1.5 Ok",
    "<<< 250 2.1.5 Ok",
    "<<< 354 Go on",
    "<<< 250 2.0.0 Taken",
  ]);
});

test("client speaks LMTP, with a verdict for each recipient", async () => {
  const scene = await setScene({
    dialect: "lmtp",
    reply: (line) => (line === "TEXT c@server.example" ? "452 4.2.2 Full" : undefined),
  });
  const client = await openReady(scene, "lmtp");
  const outcome = await send(scene, client, textOf(TEXT));
  assert.deepEqual(words(outcome), ["accepted 250 2.0.0 Taken", "refused 452 4.2.2 Full"]);
});

test("client goes on after a message that was refused at each command", async () => {
  for (const verb of ["MAIL", "RCPT", "DATA", "TEXT"]) {
    for (const extensions of [[], ["PIPELINING"]]) {
      let isRefusing = true;
      const reply = (line: string) =>
        isRefusing && line.startsWith(verb) ? "550 5.7.1 No" : undefined;
      const scene = await setScene({ extensions, reply });
      const client = await openReady(scene);
      const refused = await send(scene, client, textOf(TEXT));
      assert.deepEqual(words(refused), ["refused 550 5.7.1 No", "refused 550 5.7.1 No"], verb);
      isRefusing = false;
      const taken = await send(scene, client, textOf(TEXT));
      assert.deepEqual(words(taken), ["accepted 250 2.0.0 Taken", "accepted 250 2.0.0 Taken"]);
      assert.equal(scene.sink.messages.length, 1);
    }
  }
});

test("client believes only what the server said, wherever the connection breaks", async () => {
  for (const from of ["server", "client"] as const) {
    let bytes = 0;
    for (let done = false; !done; bytes += 3) {
      const scene = await setScene({ extensions: ["PIPELINING"] }, { network: { chunkBytes: 5 } });
      scene.world.network.fail(AT, { kind: "reset-after", from, bytes });
      const opened = await open(scene);
      if (opened.kind === "failed") {
        assert.equal(opened.verdict.kind, "undecided");
        continue;
      }
      const outcome = await send(scene, opened.client, textOf(TEXT));
      if (outcome.kind === "not-started") assert.equal(scene.sink.messages.length, 0);
      else if (outcome.verdicts.every(({ kind }) => kind === "accepted")) {
        assert.equal(scene.sink.messages.length, 1);
        done = true;
        opened.client.close();
      } else assert.ok(outcome.verdicts.every(({ kind }) => kind === "undecided"));
      await scene.world.clock.runUntilIdle(HOUR_MS);
      assert.equal(scene.sink.openConnections, 0, `${from} ${bytes}`);
    }
    assert.ok(bytes > 100);
  }
});

const SILENCES: readonly { readonly at: string; readonly minutes: number }[] = [
  { at: "BANNER", minutes: 5 },
  { at: "EHLO", minutes: 5 },
  { at: "MAIL", minutes: 5 },
  { at: "RCPT", minutes: 5 },
  { at: "DATA", minutes: 2 },
  { at: "TEXT", minutes: 10 },
];

for (const { at, minutes } of SILENCES) {
  test(`client waits ${minutes} minutes for the answer to ${at} (RFC 5321 §4.5.3.2)`, async () => {
    const scene = await setScene({
      reply: (line) => (line.startsWith(at) ? "silent" : undefined),
    });
    const opened = await open(scene);
    if (opened.kind === "failed") assert.equal(opened.verdict.kind, "undecided");
    else {
      const outcome = await send(scene, opened.client, textOf(TEXT));
      const fault = outcome.kind === "not-started" ? outcome.verdict : outcome.verdicts[0];
      assert.ok(fault?.kind === "undecided" && fault.fault.kind === "timeout");
    }
    const elapsedMs = scene.world.clock.monotonicMs();
    assert.ok(elapsedMs >= minutes * MINUTE_MS && elapsedMs < minutes * MINUTE_MS + 1000);
    await scene.world.clock.runUntilIdle(HOUR_MS);
    assert.equal(scene.sink.openConnections, 0);
  });
}

test("client sends a large text as fast as the server takes it", async () => {
  const large = `${"x".repeat(70)}\r\n`.repeat(20_000);
  const scene = await setScene({}, { network: { windowBytes: 10_000, chunkBytes: "whole" } });
  const client = await openReady(scene);
  await send(scene, client, textOf(large, 5));
  assert.equal(scene.sink.messages[0]?.text, large);
});

test("client gives up on a server that takes no more text for three minutes", async () => {
  const large = `${"x".repeat(70)}\r\n`.repeat(20_000);
  const scene = await setScene();
  scene.world.network.fail(AT, { kind: "stall-after", from: "client", bytes: 100_000 });
  const client = await openReady(scene);
  const outcome = await send(scene, client, textOf(large, 5));
  assert.deepEqual(words(outcome)[0], "undecided Timed out (at BODY)");
  assert.equal(Math.floor(scene.world.clock.monotonicMs() / MINUTE_MS), 3);
});

test("client ends no message whose text cannot be read, or is not as long as it was said", async () => {
  const broken: MessageText = {
    bytes: 100,
    async *chunks() {
      yield Buffer.from("Subject: x\r\n");
      throw new FilesError("EIO", "Cannot read");
    },
  };
  for (const text of [broken, { ...textOf(TEXT), bytes: TEXT.length + 1 }]) {
    const scene = await setScene();
    const client = await openReady(scene);
    const outcome = await send(scene, client, text);
    assert.deepEqual(words(outcome)[0], "undecided Message text cannot be read (at BODY)");
    await scene.world.clock.runUntilIdle(HOUR_MS);
    assert.deepEqual([scene.sink.messages.length, scene.sink.openConnections], [0, 0]);
  }
});

test("client stops sending text when the server refuses it halfway", async () => {
  const { world } = await setScene();
  const [near, far] = world.network.pair(AT);
  const network: Network = {
    listen: (endpoint, accept) => world.network.listen(endpoint, accept),
    connect: async () => near,
  };
  const replies = ["250 mx", "250 ok", "250 ok", "250 ok", "354 go"];
  far.write(Buffer.from("220 hi\r\n"));
  let received = "";
  far.start({
    data(bytes) {
      received += Buffer.from(bytes).toString();
      if (!received.endsWith("\r\n")) return;
      const reply = received.length > 2000 ? "552 5.3.4 Too big" : replies.shift();
      if (reply !== undefined) far.write(Buffer.from(`${reply}\r\n`));
    },
    end: () => far.end(),
    drain: () => undefined,
    closed: () => undefined,
  });
  const opening = openClient({ network, clock: world.clock }, AT, { dialect: "smtp", helo: "c" });
  const opened = await world.clock.runUntilSettled(opening, HOUR_MS);
  if (opened.kind === "failed") assert.fail(formatVerdict(opened.verdict));
  const large = textOf(`${"x".repeat(998)}\r\n`.repeat(3000), 100);
  const outcome = await world.clock.runUntilSettled(
    opened.client.send(mailOf(large), large),
    HOUR_MS,
  );
  assert.deepEqual(words(outcome), ["refused 552 5.3.4 Too big", "refused 552 5.3.4 Too big"]);
});

test("client reports a host that cannot be reached", async () => {
  const scene = await setScene();
  scene.world.network.fail(AT, { kind: "refuse" });
  const refused = await open(scene);
  assert.ok(refused.kind === "failed");
  assert.equal(formatVerdict(refused.verdict), "Connection refused (at CONNECT)");
  scene.world.network.fail(AT, { kind: "black-hole" });
  const silent = await open(scene);
  assert.ok(silent.kind === "failed");
  assert.equal(formatVerdict(silent.verdict), "Connection timed out (at CONNECT)");
});

test("client says QUIT and waits for the end, but not for ever", async () => {
  const scene = await setScene({ reply: (line) => (line === "QUIT" ? "silent" : undefined) });
  const client = await openReady(scene);
  await scene.world.clock.runUntilSettled(client.quit(), MINUTE_MS);
  assert.equal(scene.sink.lines.at(-1), "QUIT");
  assert.equal(client.isReady, false);
});
