import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EMPTY_DNS, type Resolver } from "#base/ports/resolver.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { MAX_WALK_QUESTIONS, walkSpf } from "./spf-walk.ts";

function resolver(texts: Readonly<Record<string, string>>): SimResolver {
  return new SimResolver({
    mx: { "d.example": [{ preference: 10, exchange: "mx.d.example" }] },
    addresses: { "d.example": ["192.0.2.1"], "mx.d.example": ["192.0.2.2", "2001:db8::2"] },
    texts: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [text]])),
    unavailable: ["down.example"],
  });
}

const CASES: readonly {
  readonly texts: Readonly<Record<string, string>>;
  readonly networks: readonly string[];
  readonly asking?: number;
  readonly others?: string;
  readonly troubles?: readonly string[];
}[] = [
  { texts: { "d.example": "v=spf1 -all" }, networks: [], others: "fail" },
  {
    texts: { "d.example": "v=spf1 a mx/24//64 ip4:198.51.100.0/24 ~all ip4:203.0.113.1" },
    networks: ["192.0.2.1", "192.0.2.2/24", "2001:db8::2/64", "198.51.100.0/24"],
    asking: 2,
    others: "softfail",
  },
  {
    texts: {
      "d.example": "v=spf1 include:e.example redirect=f.example",
      "e.example": "v=spf1 ip4:192.0.2.9 -all",
      "f.example": "v=spf1 ip6:2001:db8::/32 ?all",
    },
    networks: ["192.0.2.9", "2001:db8::/32"],
    asking: 2,
    others: "neutral",
  },
  {
    texts: { "d.example": "v=spf1 include:d.example include:d.example -all" },
    networks: [],
    asking: 2,
    others: "fail",
  },
  {
    texts: { "d.example": "v=spf1 -ip4:192.0.2.3 ~a ?mx exists:x.example ptr include:%{d}.x -all" },
    networks: [],
    asking: 5,
    others: "fail",
    troubles: [
      "ptr of d.example names no addresses",
      "'include:%{d}.x' of d.example depends on the message",
    ],
  },
  {
    texts: {
      "d.example": "v=spf1 include:none.example include:down.example a:gone.example",
      "e.example": "",
    },
    networks: [],
    asking: 3,
    troubles: [
      "include of none.example: has no record",
      "down.example: ",
      "gone.example has no address",
    ],
  },
];

describe("the record", () => {
  for (const { texts, networks, asking = 0, others, troubles = [] } of CASES) {
    test(`${texts["d.example"]} comes to ${networks.join(", ") || "no network"}`, async () => {
      const answer = await walkSpf("d.example", resolver(texts));
      assert.ok(answer.kind === "walk");
      const { walk } = answer;
      assert.deepEqual(
        walk.networks.map(({ text }) => text),
        networks,
      );
      assert.equal(walk.askingTerms, asking);
      assert.equal(walk.others, others);
      assert.equal(walk.troubles.length, troubles.length, walk.troubles.join("; "));
      for (const [at, trouble] of troubles.entries())
        assert.ok(walk.troubles[at]?.startsWith(trouble), `${walk.troubles[at]}`);
    });
  }
});

test("no record, one that is wrong, and no answer are three answers", async () => {
  const dns = resolver({ "wrong.example": "v=spf1 a:" });
  const kinds = ["none.example", "wrong.example", "down.example", "a b"].map(
    async (domain) => (await walkSpf(domain, dns)).kind,
  );
  assert.deepEqual(await Promise.all(kinds), ["absent", "wrong", "unavailable", "wrong"]);
});

test("records that include each other without end are asked a bounded number of times", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [
      `r${at}.example`,
      `v=spf1 include:r${at + 1}.example ip4:192.0.2.${at % 256}`,
    ]),
  );
  let asked = 0;
  const dns = resolver(many);
  const counting: Resolver = {
    ...EMPTY_DNS,
    texts: (name) => {
      asked++;
      return dns.texts(name);
    },
  };
  const answer = await walkSpf("r0.example", counting);
  assert.ok(answer.kind === "walk");
  assert.equal(asked, MAX_WALK_QUESTIONS);
  assert.ok(answer.walk.troubles.some((each) => each.includes("the rest is left out")));
});
