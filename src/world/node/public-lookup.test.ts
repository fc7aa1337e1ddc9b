import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { nodeHttp } from "./http.ts";
import { type AddressesOf, publicLookup } from "./public-lookup.ts";

const MIXED: AddressesOf = (_, _options, found) =>
  found(null, [
    { address: "127.0.0.1", family: 4 },
    { address: "2606:4700::1111", family: 6 },
    { address: "10.0.0.1", family: 4 },
  ]);

const INSIDE: AddressesOf = (_, _options, found) =>
  found(null, [{ address: "127.0.0.1", family: 4 }]);

const NOBODY: AddressesOf = (_, _options, found) => found(new Error("ENOTFOUND"), []);

test("of a stranger's name only addresses outside our own network are found", () => {
  const answers: unknown[] = [];
  const lookup = publicLookup(MIXED);
  lookup("far.example", { all: true }, (...answer) => answers.push(answer));
  lookup("far.example", {}, (...answer) => answers.push(answer));
  assert.deepEqual(answers, [
    [null, [{ address: "2606:4700::1111", family: 6 }]],
    [null, "2606:4700::1111", 6],
  ]);
});

test("a name that cannot be found is told of as it was", () => {
  publicLookup(NOBODY)("far.example", { all: true }, (error) =>
    assert.equal(error?.message, "ENOTFOUND"),
  );
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
  assert.deepEqual(await nodeHttp({ lookup: publicLookup(INSIDE) }).post(question), {
    kind: "fault",
    why: "its name has no address outside our own network",
  });
  assert.equal(connections, 0);
});
