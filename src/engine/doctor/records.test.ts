/** What is said of names and domains, by what the DNS has of them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { SimResolver, type SimZone } from "#world/sim/resolver.ts";
import { daneChecks } from "./dane.ts";
import { domainChecks } from "./domain-records.ts";
import { nameChecks } from "./names.ts";
import type { Check } from "./verdict.ts";

const OWN = { serverName: "mx.d.example", names: ["mx.d.example"], addresses: ["192.0.2.1"] };

async function told(checks: readonly Check[], name: string): Promise<string> {
  const check = checks.find((each) => each.name === name);
  assert.ok(check !== undefined, name);
  const { health, found } = await check.look();
  return `${health}: ${found}`;
}

const NO_HTTP = { get: () => assert.fail("nothing is fetched") };

function ofDomain(zone: SimZone, selectors: readonly string[] = []): readonly Check[] {
  const resolver = new SimResolver(zone);
  return domainChecks("d.example", { resolver, http: NO_HTTP, ...OWN, selectors });
}

const TXT = (name: string, ...texts: readonly string[]): SimZone => ({ texts: { [name]: texts } });
const DOWN = (name: string): SimZone => ({ unavailable: [name] });
const MX = (...exchanges: readonly string[]): NonNullable<SimZone["mx"]> => ({
  "d.example": exchanges.map((exchange, at) => ({ preference: at, exchange })),
});
const KEY = "k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

const DOMAIN_CASES: readonly (readonly [check: string, zone: SimZone, told: string | RegExp])[] = [
  ["mx", { mx: MX("MX.d.example", "b.example") }, "ok: mx.d.example, b.example"],
  [
    "mx",
    { mx: MX("b.example"), addresses: { "b.example": ["192.0.2.1"] } },
    "ok: b.example; b.example leads here",
  ],
  ["mx", { mx: MX("b.example") }, "warn: b.example, and none of them is this server"],
  ["mx", { mx: MX("") }, "fail: the domain says that it takes no mail (a null MX)"],
  ["mx", {}, "fail: no MX record, and no address"],
  [
    "mx",
    { addresses: { "d.example": ["192.0.2.1"] } },
    "warn: no MX record; its address, 192.0.2.1, is this server's",
  ],
  ["mx", DOWN("d.example"), /^unknown: MX of d\.example: /u],
  ["spf", {}, "fail: no SPF record"],
  ["spf", TXT("d.example", "v=spf1 ip4:192.0.2.0/24 -all"), "ok: 1 network, others fail"],
  ["spf", TXT("d.example", "v=spf1 ip4:192.0.2.0/24"), "warn: 1 network, and nothing of others"],
  ["spf", TXT("d.example", "v=spf1 +all"), "fail: the SPF record lets everybody send"],
  [
    "spf",
    TXT("d.example", "v=spf1 -all"),
    "fail: the SPF record does not have 192.0.2.1, from which mail may leave",
  ],
  [
    "spf",
    TXT("d.example", "v=spf1 -all", "v=spf1 -all"),
    "fail: the SPF record is wrong: there are 2 records, and one is allowed",
  ],
  [
    "spf",
    TXT("d.example", `v=spf1 ${"exists:x.example ".repeat(11)}-all`),
    "fail: the SPF record needs 11 questions, and 10 are allowed",
  ],
  [
    "spf",
    { ...TXT("d.example", "v=spf1 include:e.example -all"), ...DOWN("e.example") },
    /^unknown: not all of it was answered: e\.example: /u,
  ],
  ["spf", DOWN("d.example"), /^unknown: /u],
  ["dmarc", {}, "warn: no DMARC record"],
  [
    "dmarc",
    TXT("_dmarc.d.example", "v=DMARC1; p=reject; rua=mailto:a@b.example"),
    "ok: policy reject, reports to mailto:a@b.example",
  ],
  ["dmarc", TXT("_dmarc.d.example", "v=DMARC1; p=maybe"), /^fail: the DMARC record is wrong: /u],
  ["dmarc", DOWN("_dmarc.d.example"), /^unknown: /u],
  ["mta-sts", {}, "ok: no MTA-STS: others may come without TLS"],
  [
    "mta-sts",
    TXT("_mta-sts.d.example", "v=STSv1"),
    "fail: the record of MTA-STS cannot be read, and counts as none",
  ],
  ["mta-sts", DOWN("_mta-sts.d.example"), /^unknown: /u],
  ["tls-rpt", {}, "ok: no reports on TLS are asked for"],
  [
    "tls-rpt",
    TXT("_smtp._tls.d.example", "v=TLSRPTv1; rua=mailto:t@d.example"),
    "ok: reports to mailto:t@d.example",
  ],
  [
    "tls-rpt",
    TXT("_smtp._tls.d.example", "v=TLSRPTv1; rua=ftp:x"),
    "fail: the record of TLS-RPT cannot be read, and counts as none",
  ],
  ["tls-rpt", DOWN("_smtp._tls.d.example"), /^unknown: /u],
  ["dkim", TXT("s._domainkey.d.example", KEY), "ok: ed25519"],
  ["dkim", TXT("s._domainkey.d.example", "p="), "fail: the key of DKIM is withdrawn"],
  ["dkim", TXT("s._domainkey.d.example", `p=${"A".repeat(216)}`), "warn: rsa, of only 1024 bits"],
  [
    "dkim",
    TXT("s._domainkey.d.example", `p=${"A".repeat(120)}`),
    "fail: rsa, of only 448 bits: nobody accepts it",
  ],
  ["dkim", {}, "fail: no key of DKIM"],
  ["dkim", DOWN("s._domainkey.d.example"), /^unknown: the key: /u],
];

describe("of a domain", () => {
  for (const [check, zone, expected] of DOMAIN_CASES) {
    test(`with ${JSON.stringify(zone).slice(0, 90)} ${check} is ${String(expected)}`, async () => {
      const said = await told(ofDomain(zone, ["s"]), check);
      if (typeof expected === "string") assert.equal(said, expected);
      else assert.match(said, expected);
    });
  }

  test("nobody can tell the keys of DKIM without a selector", async () => {
    assert.match(await told(ofDomain({}), "dkim"), /^unknown: nobody said which selectors sign/u);
  });
});

const NAME_CASES: readonly (readonly [check: string, zone: SimZone, told: RegExp])[] = [
  ["name", { addresses: { "mx.d.example": ["192.0.2.1"] } }, /^ok: leads to 192\.0\.2\.1$/u],
  [
    "name",
    { addresses: { "mx.d.example": ["192.0.2.7"] } },
    /^warn: leads to 192\.0\.2\.7, which are not addresses/u,
  ],
  ["name", {}, /^fail: the name has no address$/u],
  ["name", DOWN("mx.d.example"), /^unknown: /u],
  ["reverse-name", {}, /^fail: the address has no name$/u],
  [
    "reverse-name",
    { pointers: { "192.0.2.1": ["MX.d.example"] }, addresses: { "mx.d.example": ["192.0.2.1"] } },
    /^ok: is MX\.d\.example, and back$/u,
  ],
  [
    "reverse-name",
    { pointers: { "192.0.2.1": ["h.isp.example"] }, addresses: { "h.isp.example": ["192.0.2.1"] } },
    /^warn: is h\.isp\.example, which is not what/u,
  ],
  [
    "reverse-name",
    { pointers: { "192.0.2.1": ["h.isp.example"] } },
    /^fail: is h\.isp\.example, which does not lead back/u,
  ],
  ["reverse-name", DOWN("192.0.2.1"), /^unknown: /u],
];

describe("of the server", () => {
  for (const [check, zone, expected] of NAME_CASES)
    test(`with ${JSON.stringify(zone)} ${check} is ${expected.source}`, async () => {
      assert.match(await told(nameChecks(OWN, new SimResolver(zone)), check), expected);
    });

  test("a name that nobody can look up is a failure by itself", async () => {
    const checks = nameChecks({ ...OWN, serverName: "vm", names: [] }, new SimResolver());
    assert.match(await told(checks, "name"), /^fail: /u);
  });

  test("behind a translator the address that the name leads to is looked at", async () => {
    const own = { ...OWN, addresses: [] };
    const zone = { addresses: { "mx.d.example": ["203.0.113.9"] } };
    const said = await told(nameChecks(own, new SimResolver(zone)), "reverse-name");
    assert.match(
      said,
      /^fail: 203\.0\.113\.9, to which mx\.d\.example leads, the address has no name$/u,
    );
    assert.match(await told(nameChecks(own, new SimResolver()), "reverse-name"), /^unknown: /u);
  });
});

const CERTIFICATE: ChainCertificate = {
  certificate: Buffer.from("certificate"),
  key: Buffer.from("key"),
  names: ["mx.d.example"],
  isCurrent: true,
  isAuthority: false,
  isSignedByNext: false,
};

function tlsa(usage: number, content: string): TlsaRecord {
  return { usage, selector: 1, matching: 1, data: createHash("sha256").update(content).digest() };
}

const DANE_CASES: readonly (readonly [
  records: readonly TlsaRecord[],
  signed: boolean,
  told: RegExp,
])[] = [
  [[tlsa(3, "key")], true, /^ok: 3 1 1 [0-9a-f]+$/u],
  [[tlsa(3, "other"), tlsa(3, "key")], true, /^ok: /u],
  [[tlsa(3, "key")], false, /^warn: its TLSA records are true, but no resolver vouches/u],
  [[tlsa(3, "other")], true, /^fail: no TLSA record is true/u],
  [[tlsa(1, "key")], true, /^fail: none of its TLSA records can be used/u],
];

const TLSA_NAME = "_25._tcp.mx.d.example";

function lookAtDane(
  zone: SimZone,
  chain: readonly ChainCertificate[] = [CERTIFICATE],
): Promise<string> {
  return told(
    daneChecks(["mx.d.example"], new SimResolver(zone), async () => chain),
    "dane",
  );
}

describe("DANE", () => {
  for (const [records, signed, expected] of DANE_CASES)
    test(`with ${records.map(({ usage }) => usage).join(", ")}, ${signed ? "" : "not "}signed, is ${expected.source}`, async () => {
      assert.match(
        await lookAtDane({ tlsa: { [TLSA_NAME]: records }, signed: signed ? [TLSA_NAME] : [] }),
        expected,
      );
    });

  test("is nothing, unknown without an answer, and unknown without a certificate", async () => {
    assert.match(await lookAtDane({}), /^ok: no DANE/u);
    assert.match(await lookAtDane({ unavailable: [TLSA_NAME] }), /^unknown: /u);
    assert.match(
      await lookAtDane({ tlsa: { [TLSA_NAME]: [tlsa(3, "key")] } }, []),
      /^unknown: .*could not be compared/u,
    );
  });
});
