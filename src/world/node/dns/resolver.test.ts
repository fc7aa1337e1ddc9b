import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIP, isIPv4 } from "node:net";
import { test } from "node:test";
import type { SimZone } from "#world/sim/resolver.ts";
import { CONTRACT_ZONE, resolverContract } from "#world/sim/resolver-contract.ts";
import { nodeResolver } from "./resolver.ts";
import { reverseName } from "#world/node/reverse-name.ts";

/** RFC 1035 §3.2.2 and RFC 3596 §2.1: types of records. */
const TYPE = { a: 1, ptr: 12, mx: 15, aaaa: 28 } as const;

/** RFC 1035 §4.1.1: response codes. */
const RCODE = { ok: 0, serverFailure: 2, noDomain: 3 } as const;

resolverContract("resolver", async () => {
  const server = await serve((query) => answer(query, CONTRACT_ZONE));
  return { resolver: nodeResolver(settingsFor(server)), dispose: async () => closed(server) };
});

test("one family's answer is enough when the other's servers fail", async (t) => {
  const server = await serve((query) => {
    const { name, type } = question(query);
    if (name !== "half.example") return reply(query, RCODE.noDomain, []);
    return type === TYPE.a
      ? reply(query, RCODE.ok, [address("192.0.2.5")])
      : reply(query, RCODE.serverFailure, []);
  });
  t.after(() => closed(server));
  assert.deepEqual(await nodeResolver(settingsFor(server)).addresses("half.example"), {
    kind: "found",
    value: ["192.0.2.5"],
    isSecure: false,
    owner: "half.example",
  });
});

test("no address of one family is not absence while the other's servers fail", async (t) => {
  const server = await serve((query) =>
    question(query).type === TYPE.a
      ? reply(query, RCODE.ok, [])
      : reply(query, RCODE.serverFailure, []),
  );
  t.after(() => closed(server));
  const given = await nodeResolver(settingsFor(server)).addresses("half.example");
  assert.equal(given.kind, "unavailable");
});

test("a server that does not answer, or answers with rubbish, is unavailable", async (t) => {
  for (const respond of [() => undefined, () => Buffer.from("rubbish that is long enough")]) {
    const server = await serve(respond);
    t.after(() => closed(server));
    const given = await nodeResolver(settingsFor(server)).mx("example.org");
    assert.equal(given.kind, "unavailable");
  }
});

test("a name that cannot be one is absent without a question", async (t) => {
  const server = await serve(() => assert.fail("nothing is asked"));
  t.after(() => closed(server));
  const resolver = nodeResolver(settingsFor(server));
  for (const name of [`${"a".repeat(64)}.example`, "a..example", `${"a.".repeat(130)}example`]) {
    assert.deepEqual(
      await resolver.mx(name),
      { kind: "absent", why: "no-domain", isSecure: false },
      name,
    );
    assert.deepEqual(
      await resolver.addresses(name),
      { kind: "absent", why: "no-domain", isSecure: false },
      name,
    );
  }
});

test("the reverse name of an address has its octets or digits backwards", () => {
  assert.equal(reverseName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  const zeros = "0.".repeat(23);
  assert.equal(reverseName("2001:db8::1"), `1.${zeros}8.b.d.0.1.0.0.2.ip6.arpa`);
  assert.throws(() => reverseName("localhost"), TypeError);
});

test("names of the hosts file come before DNS", async (t) => {
  const server = await serve(() => assert.fail("nothing is asked"));
  t.after(() => closed(server));
  const given = await nodeResolver(settingsFor(server)).addresses("localhost");
  assert.equal(given.kind, "found");
});

function settingsFor(server: Socket): Parameters<typeof nodeResolver>[0] {
  const hostsPath = "/nonexistent/hosts";
  return { servers: [`127.0.0.1:${server.address().port}`], timeoutMs: 300, tries: 1, hostsPath };
}

/** A DNS server on loopback; `respond` gives the answer to a query, or silence. */
async function serve(respond: (query: Buffer) => Uint8Array | undefined): Promise<Socket> {
  const server = createSocket("udp4");
  server.on("message", (query, { address: host, port }) => {
    const response = respond(query);
    if (response !== undefined) server.send(response, port, host);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function closed(server: Socket): void {
  server.close();
}

/** One record's type and data. */
interface AnswerRecord {
  readonly type: number;
  readonly content: Uint8Array;
}

function answer(query: Buffer, zone: SimZone): Buffer {
  const { name, type } = question(query);
  const reversed = Object.keys(zone.pointers ?? {}).concat(zone.unavailable ?? []);
  const asked = reversed.find((each) => isIP(each) !== 0 && reverseName(each) === name) ?? name;
  if (zone.unavailable?.includes(asked) === true) return reply(query, RCODE.serverFailure, []);
  const known = [zone.mx, zone.addresses, zone.pointers].some((map) => map?.[asked] !== undefined);
  if (!known) return reply(query, RCODE.noDomain, []);
  const records = [
    ...(zone.mx?.[asked] ?? []).map(({ preference, exchange }) => ({
      type: TYPE.mx,
      content: Buffer.concat([Buffer.from([0, preference]), domainName(exchange)]),
    })),
    ...(zone.addresses?.[asked] ?? []).map(address),
    ...(zone.pointers?.[asked] ?? []).map((host) => ({
      type: TYPE.ptr,
      content: domainName(host),
    })),
  ];
  const wanted = records.filter((record) => record.type === type);
  return reply(query, RCODE.ok, wanted);
}

/** The question, which begins after 12 bytes of header (RFC 1035 §4.1). */
function question(query: Buffer): { readonly name: string; readonly type: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1) };
}

function reply(query: Buffer, rcode: number, records: readonly AnswerRecord[]): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode, 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8); // neither authority nor additional records
  const answers = records.map(({ type, content }) => {
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0); // the name of the question
    fixed.writeUInt16BE(type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(60, 6);
    fixed.writeUInt16BE(content.length, 10);
    return Buffer.concat([fixed, content]);
  });
  return Buffer.concat([header, query.subarray(12, questionEnd), ...answers]);
}

function address(text: string): AnswerRecord {
  if (isIPv4(text)) return { type: TYPE.a, content: Buffer.from(text.split(".").map(Number)) };
  const [front = "", back = ""] = text.split("::");
  const missing = 8 - groups(front).length - groups(back).length;
  const all = [...groups(front), ...Array.from({ length: missing }, () => "0"), ...groups(back)];
  const content = Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
  return { type: TYPE.aaaa, content };
}

function groups(half: string): readonly string[] {
  return half === "" ? [] : half.split(":");
}

function domainName(name: string): Buffer {
  const labels = name === "" ? [] : name.split(".");
  const parts = labels.map((label) => Buffer.from(`\0${label}`).fill(label.length, 0, 1));
  return Buffer.concat([...parts, Buffer.alloc(1)]);
}
