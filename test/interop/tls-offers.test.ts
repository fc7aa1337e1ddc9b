/**
 * Four listeners of one daemon with four different settings of TLS: each offers exactly its
 * versions, ciphers and groups, nothing more and nothing less.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort } from "./greeting.ts";
import { unlessInstalled } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";
import { knownCiphers, type Offer, probe } from "./tls-probe.ts";

const skip = (await unlessStartable()) || unlessInstalled("openssl");
const HOST = "mx.example.org";

interface Listener {
  readonly name: string;
  /** What stands behind the port. */
  readonly options: string;
  readonly begins: "starttls" | "tls";
  readonly offers: readonly Offer[];
}

const SUITES = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];
const GROUPS_1_2 = ["X25519", "P-256", "P-384", "P-521"];
/** Level secure. */
const STRONG_ECDSA = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
];
const STRONG_RSA = [
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
/** What compat has besides. Without `pki … dhe` there is no DHE. */
const COMPAT_ECDSA = `
  ECDHE-ECDSA-AES256-CCM ECDHE-ECDSA-ARIA256-GCM-SHA384 ECDHE-ECDSA-AES128-CCM ECDHE-ECDSA-ARIA128-GCM-SHA256
  ECDHE-ECDSA-AES256-SHA384 ECDHE-ECDSA-CAMELLIA256-SHA384 ECDHE-ECDSA-AES128-SHA256 ECDHE-ECDSA-CAMELLIA128-SHA256
  ECDHE-ECDSA-AES256-SHA ECDHE-ECDSA-AES128-SHA`;
const COMPAT_RSA = `
  ECDHE-ARIA256-GCM-SHA384 ECDHE-ARIA128-GCM-SHA256
  ECDHE-RSA-AES256-SHA384 ECDHE-RSA-CAMELLIA256-SHA384 ECDHE-RSA-AES128-SHA256 ECDHE-RSA-CAMELLIA128-SHA256
  ECDHE-RSA-AES256-SHA ECDHE-RSA-AES128-SHA
  AES256-GCM-SHA384 AES256-CCM ARIA256-GCM-SHA384 AES128-GCM-SHA256 AES128-CCM ARIA128-GCM-SHA256
  AES256-SHA256 CAMELLIA256-SHA256 AES128-SHA256 CAMELLIA128-SHA256 AES256-SHA CAMELLIA256-SHA AES128-SHA CAMELLIA128-SHA`;
const OLD_CIPHERS = ["ECDHE-RSA-AES128-SHA"];

const LISTENERS: readonly Listener[] = [
  {
    name: "that says nothing of it",
    options: "tls pki ecdsa pki rsa",
    begins: "starttls",
    offers: [
      { version: "TLSv1.3", ciphers: SUITES, groups: ["X25519MLKEM768", ...GROUPS_1_2] },
      { version: "TLSv1.2", ciphers: [...STRONG_ECDSA, ...STRONG_RSA], groups: GROUPS_1_2 },
    ],
  },
  {
    name: "of one version, suite and group",
    options:
      'tls-require protocols "tlsv1.3" ciphers "TLS_AES_128_GCM_SHA256" curves "P-384" pki ecdsa',
    begins: "starttls",
    offers: [{ version: "TLSv1.3", ciphers: ["TLS_AES_128_GCM_SHA256"], groups: ["P-384"] }],
  },
  {
    name: "for old clients",
    options:
      'tls protocols "tlsv1.0,tlsv1.1,tlsv1.2" ciphers "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA" curves X25519 pki rsa',
    begins: "starttls",
    offers: [
      {
        version: "TLSv1.2",
        ciphers: ["ECDHE-RSA-AES256-GCM-SHA384", ...OLD_CIPHERS],
        groups: ["X25519"],
      },
      { version: "TLSv1.1", ciphers: OLD_CIPHERS, groups: ["X25519"] },
      { version: "TLSv1", ciphers: OLD_CIPHERS, groups: ["X25519"] },
    ],
  },
  {
    name: "of level compat, from the first octet",
    options: 'smtps protocols "tlsv1.2" ciphers compat curves "P-256:X448" pki rsa pki ecdsa',
    begins: "tls",
    offers: [
      {
        version: "TLSv1.2",
        ciphers: [...STRONG_ECDSA, ...namesIn(COMPAT_ECDSA), ...STRONG_RSA, ...namesIn(COMPAT_RSA)],
        groups: ["P-256", "X448"],
      },
    ],
  },
];

function namesIn(text: string): readonly string[] {
  return text.trim().split(/\s+/u);
}

test("each listener offers exactly its versions, ciphers and groups", { skip }, async (t) => {
  await using scratch = new Scratch();
  const pkis = (["ecdsa", "rsa"] as const).map((key) => {
    const made = certify({ subject: HOST, dns: [HOST], ...(key === "rsa" ? { key } : {}) });
    return certificateFiles(scratch, key, made).pki;
  });
  const placed: (Listener & { readonly port: number })[] = [];
  for (const listener of LISTENERS) placed.push({ ...listener, port: await freePort() });
  await Daemon.start(scratch, [
    ...pkis,
    ...placed.map(({ port, options }) => `listen on 127.0.0.1 port ${port} ${options}`),
    `action "deliver" maildir "${scratch.mailFolder("mail")}" user ${MAIL_USER}`,
    'match from any for any action "deliver"',
  ]);
  const known = await knownCiphers();
  for (const { name, port, begins, offers } of placed) {
    await t.test(`one ${name}`, async () => {
      const expected = offers.map((offer) => ({
        ...offer,
        ciphers: offer.ciphers.filter((cipher) => known.has(cipher)),
      }));
      assert.deepEqual(await probe({ port, begins }), expected);
    });
  }
});
