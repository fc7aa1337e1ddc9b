/** Values of `ciphers`, `curves` and `protocols`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { TLS_VERSIONS } from "./tls-settings.ts";
import {
  formatCiphers,
  formatCurves,
  formatProtocols,
  parseCiphers,
  parseCurves,
  parseProtocols,
} from "./tls-values.ts";

const SECURE = ["tlsv1.2", "tlsv1.3"];

const protocols: readonly (readonly [text: string, versions: readonly string[] | undefined])[] = [
  ["tlsv1.2,tlsv1.3", SECURE],
  ["tlsv1.3:tlsv1.2", SECURE],
  ["secure", SECURE],
  ["default", SECURE],
  ["TLSv1.2", ["tlsv1.2"]],
  ["all", TLS_VERSIONS],
  ["legacy", TLS_VERSIONS],
  ["tlsv1", TLS_VERSIONS],
  // What is taken away first is taken from all (tls_config_parse_protocols(3)).
  ["!tlsv1.1", ["tlsv1.0", "tlsv1.2", "tlsv1.3"]],
  ["!tlsv1.0,!tlsv1.1", SECURE],
  ["all,!tlsv1.0", ["tlsv1.1", "tlsv1.2", "tlsv1.3"]],
  ["tlsv1.2,!secure,tlsv1.1", ["tlsv1.1"]],
  ["secure,", SECURE],
  ["!all", undefined],
  ["", undefined],
  ["sslv3", undefined],
  ["tlsv1.2 tlsv1.4", undefined],
  ["!!tlsv1.2", undefined],
];

for (const [text, versions] of protocols) {
  test(`protocols "${text}" are ${versions?.join(" ") ?? "refused"}`, () => {
    const parsed = parseProtocols(text);
    if (versions !== undefined) assert.deepEqual(parsed, versions);
    else assert.ok("reason" in parsed, text);
  });
}

const curves: readonly (readonly [text: string, names: readonly string[] | undefined])[] = [
  ["X25519", ["X25519"]],
  ["x25519:P-256:P-384", ["X25519", "P-256", "P-384"]],
  ["prime256v1,secp384r1", ["P-256", "P-384"]],
  ["P-256:prime256v1", ["P-256"]],
  ["default", ["X25519", "P-256", "P-384"]],
  ["X25519MLKEM768:X25519", ["X25519MLKEM768", "X25519"]],
  ["", undefined],
  ["P-255", undefined],
];

for (const [text, names] of curves) {
  test(`curves "${text}" are ${names?.join(" ") ?? "refused"}`, () => {
    const parsed = parseCurves(text);
    if (names !== undefined) assert.deepEqual(parsed, names);
    else assert.ok("reason" in parsed, text);
  });
}

const levels: readonly (readonly [text: string, level: string])[] = [
  ["secure", "secure"],
  ["default", "secure"],
  ["Compat", "compat"],
  ["legacy", "legacy"],
  ["insecure", "insecure"],
  ["all", "insecure"],
];

for (const [text, level] of levels) {
  test(`ciphers "${text}" are the level ${level}`, () => {
    assert.deepEqual(parseCiphers(text), { kind: "level", level });
  });
}

test("ciphers may be OpenSSL's names and selectors, in order", () => {
  assert.deepEqual(parseCiphers("HIGH:!aNULL:+kEDH:@STRENGTH,TLS_AES_128_GCM_SHA256"), {
    kind: "list",
    names: ["HIGH", "!aNULL", "+kEDH", "@STRENGTH", "TLS_AES_128_GCM_SHA256"],
  });
  for (const text of ["", ":", "HIGH;NULL", "a\nb", "ä"])
    assert.ok("reason" in parseCiphers(text), text);
});

test("what is printed of a value reads back as the same", () => {
  const version = fc.subarray([...TLS_VERSIONS], { minLength: 1 });
  fc.assert(
    fc.property(
      version,
      fc.subarray(["X25519", "P-256", "X448"], { minLength: 1 }),
      (some, names) => {
        assert.deepEqual(parseProtocols(formatProtocols(some)), some);
        assert.deepEqual(parseCurves(formatCurves(names)), names);
      },
    ),
  );
  for (const text of ["secure", "insecure", "HIGH:!aNULL"]) {
    const ciphers = parseCiphers(text);
    assert.ok(!("reason" in ciphers), text);
    assert.deepEqual(parseCiphers(formatCiphers(ciphers)), ciphers);
  }
});
