import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { HostReach } from "#base/ports/http.ts";
import { type DnsAnswer, foundUnsigned, NO_SUCH_DOMAIN } from "#base/ports/resolver.ts";
import { dnsLookup, MAX_TRIED_ADDRESSES } from "./dns-lookup.ts";
import { nodeHttp } from "./http.ts";

type Addresses = DnsAnswer<readonly string[]>;

const MIXED = foundUnsigned(["127.0.0.1", "2606:4700::1111", "10.0.0.1"], "far.example");
const INSIDE = foundUnsigned(["127.0.0.1"], "far.example");
const SILENT: Addresses = { kind: "unavailable", cause: new Error("no answer in time") };

const answering = (answer: Addresses) => ({ addresses: async (): Promise<Addresses> => answer });

/** What node:net is told of a name. */
function told(answer: Addresses, reach: HostReach, all: boolean): Promise<readonly unknown[]> {
  return new Promise((resolve) => {
    dnsLookup(answering(answer), reach)("far.example", { all }, (error, ...found) =>
      resolve([error?.message ?? null, ...found]),
    );
  });
}

test("a stranger's name leads to its addresses, or to those outside our own network alone", async () => {
  const outside = { address: "2606:4700::1111", family: 6 };
  const first = { address: "127.0.0.1", family: 4 };
  const last = { address: "10.0.0.1", family: 4 };
  assert.deepEqual(await told(MIXED, "anywhere", true), [null, [first, outside, last]]);
  assert.deepEqual(await told(MIXED, "public", true), [null, [outside]]);
  assert.deepEqual(await told(MIXED, "anywhere", false), [null, "127.0.0.1", 4]);
  assert.deepEqual(await told(MIXED, "public", false), [null, "2606:4700::1111", 6]);
});

const NOWHERE: readonly (readonly [string, Addresses, HostReach])[] = [
  ["no answer in time", SILENT, "public"],
  ["its name has no address", NO_SUCH_DOMAIN, "anywhere"],
  ["its name has no address outside our own network", INSIDE, "public"],
];

for (const [why, answer, reach] of NOWHERE) {
  test(`where there is nothing to connect to, it is said why: ${why}`, async () => {
    assert.deepEqual(await told(answer, reach, true), [why, []]);
  });
}

test("of an answer with thousands of addresses a few are tried, of each family", async () => {
  const ipv4 = Array.from({ length: 3000 }, (_, at) => `8.8.${at >> 8}.${at & 255}`);
  const ipv6 = Array.from({ length: 3000 }, (_, at) => `2606:4700::${at}`);
  const families = [ipv4, ipv6].map((all) => all.slice(0, MAX_TRIED_ADDRESSES));
  const expected = families.flatMap((few, at) =>
    few.map((address) => ({ address, family: at === 0 ? 4 : 6 })),
  );
  const answer = foundUnsigned([...ipv4, ...ipv6], "far.example");
  for (const reach of ["anywhere", "public"] as const)
    assert.deepEqual(await told(answer, reach, true), [null, expected]);
});

test("a web server inside our own network is not even connected to", async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const question = {
    url: `https://inside.far.example:${port}/`,
    timeoutMs: 5000,
    maxBytes: 100,
    body: Buffer.from("?"),
    type: "a/b",
    authorization: undefined,
    authorities: undefined,
  };
  assert.deepEqual(
    await nodeHttp({ lookup: dnsLookup(answering(INSIDE), "public") }).post(question),
    {
      kind: "fault",
      why: "its name has no address outside our own network",
    },
  );
  assert.equal(connections, 0);
});
