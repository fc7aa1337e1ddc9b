import assert from "node:assert/strict";
import { test } from "node:test";
import { SimResolver } from "./resolver.ts";
import { CONTRACT_ZONE, resolverContract } from "./resolver-contract.ts";

resolverContract("simulated resolver", async () => ({
  resolver: new SimResolver(CONTRACT_ZONE),
  dispose: async () => {},
}));

test("what the simulated DNS says can change while a test runs", async () => {
  const resolver = new SimResolver();
  assert.deepEqual(await resolver.mx("example.org"), {
    kind: "absent",
    why: "no-domain",
    isSecure: false,
  });
  resolver.setMx("example.org", [{ preference: 1, exchange: "mx.example.org" }]);
  assert.equal((await resolver.mx("example.org")).kind, "found");
  resolver.setServers("example.org", "failing");
  assert.equal((await resolver.mx("example.org")).kind, "unavailable");
  resolver.setServers("example.org", "answering");
  assert.equal((await resolver.mx("example.org")).kind, "found");
});
