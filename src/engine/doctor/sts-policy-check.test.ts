import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpAnswer, HttpRequest } from "#base/ports/http.ts";
import { SimResolver, type SimZone } from "#world/sim/resolver.ts";
import { lookAtStsPolicy } from "./sts-policy-check.ts";

const POLICY =
  "version: STSv1\nmode: enforce\nmx: mx.d.example\nmx: *.pool.d.example\nmax_age: 604800\n";
const RECORD = { texts: { "_mta-sts.d.example": ["v=STSv1; id=7"] } };

function served(text: string): HttpAnswer {
  return { kind: "answer", body: Buffer.from(text) };
}

function exchangers(...names: readonly string[]): SimZone {
  return {
    ...RECORD,
    mx: { "d.example": names.map((exchange) => ({ preference: 10, exchange })) },
  };
}

const HERE = exchangers("MX.d.example");

const CASES: readonly {
  readonly what: string;
  readonly zone: SimZone;
  readonly answer?: HttpAnswer;
  readonly said: string;
}[] = [
  { what: "no record", zone: {}, said: "ok: no MTA-STS: others may come without TLS" },
  {
    what: "a record that says nothing",
    zone: { texts: { "_mta-sts.d.example": ["v=STSv1"] } },
    said: "fail: the record of MTA-STS cannot be read, and counts as none",
  },
  {
    what: "a record, and a server without a policy",
    zone: HERE,
    answer: { kind: "unfit", why: "answers 404" },
    said: "fail: there is a record of policy 7, and no policy: answers 404",
  },
  {
    what: "a server with the certificate of another",
    zone: HERE,
    answer: { kind: "untrusted", why: "self-signed certificate" },
    said: "fail: there is a record of policy 7, and no policy: self-signed certificate",
  },
  {
    what: "a policy that is none",
    zone: HERE,
    answer: served("<html>"),
    said: "fail: there is a record of policy 7, and no policy: a line has no name and value",
  },
  {
    what: "a server that nobody has reached",
    zone: HERE,
    answer: { kind: "fault", why: "no answer in time" },
    said: "unknown: policy 7 could not be fetched: no answer in time",
  },
  {
    what: "a policy with its exchangers",
    zone: exchangers("MX.d.example", "a.pool.d.example"),
    said: "ok: policy 7: mode enforce, max_age 604800, for mx.d.example, *.pool.d.example",
  },
  {
    what: "one of its exchangers",
    zone: exchangers("mx.d.example", "b.d.example"),
    said: "warn: policy 7: mode enforce, max_age 604800, for mx.d.example, *.pool.d.example; it does not have b.d.example: others bring no mail there",
  },
  {
    what: "none of its exchangers",
    zone: exchangers("b.d.example", "x.a.pool.d.example"),
    said: "fail: policy 7: mode enforce, max_age 604800, for mx.d.example, *.pool.d.example; it does not have b.d.example, x.a.pool.d.example: others bring no mail there",
  },
  {
    what: "none of its exchangers, while it is tested",
    zone: exchangers("b.d.example"),
    answer: served(POLICY.replace("enforce", "testing")),
    said: "warn: policy 7: mode testing, max_age 604800, for mx.d.example, *.pool.d.example; it does not have b.d.example: others report it",
  },
  {
    what: "no MX record, so that the domain is its own exchanger",
    zone: RECORD,
    answer: served("version: STSv1\nmode: testing\nmx: d.example\nmax_age: 604800\n"),
    said: "ok: policy 7: mode testing, max_age 604800, for d.example",
  },
  {
    what: "a policy that is taken back",
    zone: HERE,
    answer: served("version: STSv1\nmode: none\nmax_age: 3600\n"),
    said: "ok: policy 7: mode none, max_age 3600: others may come without TLS",
  },
  {
    what: "a policy that is soon forgotten",
    zone: HERE,
    answer: served(POLICY.replace("604800", "3600")),
    said: "warn: policy 7: mode enforce, max_age 3600, for mx.d.example, *.pool.d.example; it is forgotten within a day",
  },
  {
    what: "exchangers that nobody tells",
    zone: { ...RECORD, unavailable: ["d.example"] },
    said: "unknown: policy 7: mode enforce, max_age 604800, for mx.d.example, *.pool.d.example; its exchangers could not be compared: the DNS did not answer",
  },
  {
    what: "hosts without end, of which some are shown",
    zone: exchangers("e.d.example"),
    answer: served(
      POLICY.replace(
        "mx: *",
        "mx: a.d.example\nmx: b.d.example\nmx: c.d.example\nmx: e.d.example\nmx: *",
      ),
    ),
    said: "ok: policy 7: mode enforce, max_age 604800, for mx.d.example, a.d.example, b.d.example, c.d.example, and 2 more",
  },
];

for (const { what, zone, answer = served(POLICY), said } of CASES)
  test(`MTA-STS with ${what} is ${said.slice(0, said.indexOf(":"))}`, async () => {
    const asked: HttpRequest[] = [];
    const get = async (request: HttpRequest): Promise<HttpAnswer> => {
      asked.push(request);
      return answer;
    };
    const setting = { resolver: new SimResolver(zone), http: { get } };
    const { health, found } = await lookAtStsPolicy("d.example", setting);
    assert.equal(`${health}: ${found}`, said);
    const url = "https://mta-sts.d.example/.well-known/mta-sts.txt";
    const once = [{ url, timeoutMs: 8_000, maxBytes: 65_536 }];
    assert.deepEqual(asked, /policy 7/u.test(said) ? once : []);
  });
