/** What every implementation of the Resolver port must do, about the names of one zone. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { foundUnsigned, type Resolver } from "#base/ports/resolver.ts";
import type { SimZone } from "./resolver.ts";

export interface ResolverUnderTest {
  readonly resolver: Resolver;
  dispose(): Promise<void>;
}

/** What the DNS that is asked says. */
export const CONTRACT_ZONE: SimZone = {
  mx: {
    "example.org": [
      { preference: 20, exchange: "b.example.org" },
      { preference: 10, exchange: "a.example.org" },
    ],
    "nullmx.example": [{ preference: 0, exchange: "" }],
    "a.example.org": [],
  },
  addresses: {
    "a.example.org": ["192.0.2.1", "192.0.2.2", "2001:db8::1"],
    "v6.example.org": ["2001:db8::2"],
    "nullmx.example": [],
  },
  pointers: { "192.0.2.1": ["a.example.org"], "2001:db8::1": ["a.example.org", "b.example.org"] },
  unavailable: ["broken.example", "192.0.2.9"],
};

/** Runs the suite; `name` begins the names of its tests. */
export function resolverContract(name: string, setUp: () => Promise<ResolverUnderTest>): void {
  const contract = (title: string, check: (resolver: Resolver) => Promise<void>): void => {
    test(`${name} ${title}`, async (t: TestContext) => {
      const given = await setUp();
      t.after(() => given.dispose());
      await check(given.resolver);
    });
  };

  contract("finds the mail exchangers of a domain, however it is written", async (resolver) => {
    for (const domain of ["example.org", "EXAMPLE.org", "example.org."]) {
      const answer = await resolver.mx(domain);
      assert.equal(answer.kind, "found", domain);
      assert.deepEqual(
        answer.value.toSorted((a, b) => a.preference - b.preference),
        [
          { preference: 10, exchange: "a.example.org" },
          { preference: 20, exchange: "b.example.org" },
        ],
      );
    }
  });

  contract("finds the null MX as an empty name", async (resolver) => {
    assert.deepEqual(await resolver.mx("nullmx.example"), {
      kind: "found",
      value: [{ preference: 0, exchange: "" }],
      isSecure: false,
      owner: "nullmx.example",
    });
  });

  contract("finds addresses of both families, and of one", async (resolver) => {
    const both = await resolver.addresses("a.example.org");
    assert.equal(both.kind, "found");
    assert.deepEqual(both.value.toSorted(), ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    const one = await resolver.addresses("v6.example.org");
    assert.deepEqual(one, foundUnsigned(["2001:db8::2"], "v6.example.org"));
  });

  contract("takes an address for itself", async (resolver) => {
    for (const address of ["192.0.2.77", "2001:db8::77"]) {
      assert.deepEqual(await resolver.addresses(address), foundUnsigned([address], address));
    }
  });

  contract("finds the names of an address", async (resolver) => {
    const answer = await resolver.pointer("192.0.2.1");
    assert.deepEqual(answer.kind === "found" && answer.value, ["a.example.org"]);
    const two = await resolver.pointer("2001:db8::1");
    assert.equal(two.kind, "found");
    assert.deepEqual(two.value.toSorted(), ["a.example.org", "b.example.org"]);
  });

  contract("tells a name without records from no name at all", async (resolver) => {
    assert.deepEqual(
      [
        await resolver.mx("a.example.org"),
        await resolver.addresses("nullmx.example"),
        await resolver.mx("none.example"),
        await resolver.addresses("none.example"),
        await resolver.pointer("192.0.2.250"),
      ],
      [
        { kind: "absent", why: "no-records", isSecure: false },
        { kind: "absent", why: "no-records", isSecure: false },
        { kind: "absent", why: "no-domain", isSecure: false },
        { kind: "absent", why: "no-domain", isSecure: false },
        { kind: "absent", why: "no-domain", isSecure: false },
      ],
    );
  });

  contract("never takes a failure for absence", async (resolver) => {
    for (const answer of [
      await resolver.mx("broken.example"),
      await resolver.addresses("broken.example"),
      await resolver.pointer("192.0.2.9"),
    ]) {
      assert.equal(answer.kind, "unavailable");
      assert.ok(answer.cause instanceof Error, "with its cause");
    }
  });
}
