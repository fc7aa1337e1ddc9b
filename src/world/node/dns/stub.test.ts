import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { test, type TestContext } from "node:test";
import { type Answer, AUTHENTIC_DATA, decode, encode, type Packet } from "dns-packet";
import type { NameServers } from "./name-servers.ts";
import { Stub } from "./stub.ts";

/** What a server says to a query; undefined: nothing. */
type Respond = (query: Packet, transport: "datagram" | "stream") => Partial<Packet> | undefined;

const TRUNCATED = 0x0200;
const SERVFAIL = 2;
const FORMERR = 1;

function address(name: string, data: string): Answer {
  return { type: "A", name, ttl: 60, data };
}

function responseTo(query: Packet, said: Partial<Packet>): Buffer {
  return encode({
    type: "response",
    ...(query.id !== undefined && { id: query.id }),
    questions: query.questions ?? [],
    ...said,
  });
}

/** The name servers of a machine: both transports of each on one port of loopback. */
async function serve(t: TestContext, ...responds: Respond[]): Promise<NameServers> {
  const servers = await Promise.all(responds.map((respond) => serveOne(t, respond)));
  return { servers, areTrusted: true };
}

async function serveOne(
  t: TestContext,
  respond: Respond,
): Promise<{ readonly address: string; readonly port: number }> {
  for (;;) {
    const datagrams: Socket = createSocket("udp4");
    datagrams.bind(0, "127.0.0.1");
    await once(datagrams, "listening");
    const { port } = datagrams.address();
    datagrams.on("message", (bytes, from) => {
      const query = decode(bytes);
      const said = respond(query, "datagram");
      if (said !== undefined) datagrams.send(responseTo(query, said), from.port, from.address);
    });
    const streams: Server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes: Buffer) => {
        const query = decode(bytes.subarray(2));
        const said = respond(query, "stream");
        if (said === undefined) return;
        const response = responseTo(query, said);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(response.length, 0);
        // In two pieces, that it must put together.
        socket.write(Buffer.concat([length, response.subarray(0, 5)]));
        setImmediate(() => socket.write(response.subarray(5)));
      });
    });
    streams.listen(port, "127.0.0.1");
    const state = await Promise.race([
      once(streams, "listening").then(() => "listening"),
      once(streams, "error").then(() => "taken"),
    ]);
    if (state === "taken") {
      datagrams.close();
      continue;
    }
    t.after(() => {
      datagrams.close();
      streams.close();
    });
    return { address: "127.0.0.1", port };
  }
}

function stubOf(servers: NameServers): Stub {
  return new Stub({ ...servers, timeoutMs: 300, rounds: 1 });
}

function addresses(stub: Stub, name: string): ReturnType<typeof stub.ask<string>> {
  return stub.ask(name, "A", (record) => (record.type === "A" ? record.data : undefined));
}

const FOUND = ["192.0.2.1"];

for (const [areTrusted, flags, isSecure] of [
  [true, AUTHENTIC_DATA, true],
  [true, 0, false],
  [false, AUTHENTIC_DATA, false],
] as const) {
  const who = areTrusted ? "a trusted server" : "another server";
  test(`an answer ${flags === 0 ? "not " : ""}checked by ${who} is ${isSecure ? "" : "not "}secure`, async (t) => {
    const asked: number[] = [];
    const servers = await serve(t, (query) => {
      asked.push((query.flags ?? 0) & AUTHENTIC_DATA);
      const [{ name } = { name: "" }] = query.questions ?? [];
      return { flags, answers: name === "none.example" ? [] : [address(name, "192.0.2.1")] };
    });
    const stub = stubOf({ ...servers, areTrusted });
    const found = await addresses(stub, "a.example");
    assert.deepEqual(found, { kind: "found", value: FOUND, isSecure, owner: "a.example" });
    const absent = await addresses(stub, "none.example");
    assert.deepEqual(absent, { kind: "absent", why: "no-records", isSecure });
    const asks = areTrusted ? AUTHENTIC_DATA : 0;
    assert.deepEqual(asked, [asks, asks], "it asks for what it will believe");
  });
}

test("an answer that was cut is asked for again by TCP", async (t) => {
  const servers = await serve(t, (_, transport) =>
    transport === "datagram"
      ? { flags: TRUNCATED }
      : { flags: AUTHENTIC_DATA, answers: [address("a.example", "192.0.2.1")] },
  );
  const answer = await addresses(stubOf(servers), "a.example");
  assert.deepEqual(answer, { kind: "found", value: FOUND, isSecure: true, owner: "a.example" });
});

test("a server that does not know EDNS is asked without", async (t) => {
  const servers = await serve(t, (query) =>
    (query.additionals ?? []).length > 0
      ? { flags: FORMERR }
      : { answers: [address("a.example", "192.0.2.1")] },
  );
  assert.equal((await addresses(stubOf(servers), "a.example")).kind, "found");
});

test("aliases are followed to their end, however they are written", async (t) => {
  const servers = await serve(t, () => ({
    answers: [
      { type: "CNAME", name: "A.example", ttl: 1, data: "b.EXAMPLE" },
      address("c.example", "192.0.2.1"),
      { type: "CNAME", name: "b.example", ttl: 1, data: "C.example" },
      address("elsewhere.example", "192.0.2.66"),
    ],
  }));
  const answer = await addresses(stubOf(servers), "a.example");
  assert.deepEqual(answer, { kind: "found", value: FOUND, isSecure: false, owner: "c.example" });
});

test("aliases without end are no answer", async (t) => {
  const servers = await serve(t, () => ({
    answers: [
      { type: "CNAME", name: "a.example", ttl: 1, data: "b.example" },
      { type: "CNAME", name: "b.example", ttl: 1, data: "a.example" },
    ],
  }));
  assert.equal((await addresses(stubOf(servers), "a.example")).kind, "unavailable");
});

test("an answer to another question is passed over until the right one comes", async (t) => {
  const servers = await serve(t, (query) => ({
    questions: [{ type: "A", name: "other.example" }],
    answers: [address("a.example", "192.0.2.66")],
    ...(query.id === undefined && {}),
  }));
  const answer = await addresses(stubOf(servers), "a.example");
  assert.equal(answer.kind, "unavailable");
});

test("the next server is asked when one fails or is silent", async (t) => {
  for (const first of [() => ({ flags: SERVFAIL }), () => undefined]) {
    const servers = await serve(t, first, () => ({
      answers: [address("a.example", "192.0.2.1")],
    }));
    assert.equal((await addresses(stubOf(servers), "a.example")).kind, "found");
  }
});

test("a failure of all servers is unavailable, and tells how they failed", async (t) => {
  let asked = 0;
  const servers = await serve(t, () => {
    asked++;
    return { flags: SERVFAIL };
  });
  const stub = new Stub({ ...servers, timeoutMs: 300, rounds: 3 });
  const answer = await addresses(stub, "bogus.example");
  assert.equal(
    answer.kind === "unavailable" && answer.cause.message,
    "name server failed: SERVFAIL",
  );
  assert.equal(asked, 1, "who says that it failed is not asked again");
});

test("a server to which no route leads is one that is silent", async () => {
  // To an address of all no socket is connected, with a route (EACCES) or without (ENETUNREACH).
  const servers = [{ address: "255.255.255.255", port: 53 }];
  const answer = await addresses(stubOf({ servers, areTrusted: false }), "a.example");
  assert.match(
    answer.kind === "unavailable" ? answer.cause.message : answer.kind,
    /EACCES|ENETUNREACH/u,
  );
});

test("more questions than there are sockets for wait for their turn", async (t) => {
  const servers = await serve(t, (query) => {
    const [{ name } = { name: "" }] = query.questions ?? [];
    return { answers: [address(name, "192.0.2.1")] };
  });
  const stub = new Stub({ ...servers, timeoutMs: 10_000, rounds: 2 });
  const names = Array.from({ length: 600 }, (_, at) => `n${at}.example`);
  const answers = await Promise.all(names.map((name) => addresses(stub, name)));
  assert.deepEqual(new Set(answers.map(({ kind }) => kind)), new Set(["found"]));
});

test("a domain in another script is asked for by its A-labels", async (t) => {
  const asked: (string | undefined)[] = [];
  const servers = await serve(t, (query) => {
    asked.push(query.questions?.[0]?.name);
    return {};
  });
  await addresses(stubOf(servers), "müller.example");
  assert.deepEqual(asked, ["xn--mller-kva.example"]);
});
