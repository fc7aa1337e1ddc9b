/**
 * Stapling with other people's programs: `openssl ocsp` answers for two certificates of one
 * listener, `openssl s_client -status` looks at what is stapled.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { certify, type Certified } from "#test/support/certificates.ts";
import { MAY_ANSWER, parsed, responderAt } from "#test/support/ocsp-responses.ts";
import { certificateFiles } from "./certificate-files.ts";
import { processesOf } from "./daemon-processes.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, programPath, run, unlessInstalled } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInstalled("openssl");
const HOST = "mx.example.org";
/** How long a response of the responder is good: no shorter one can be had. */
const LIFE_MINUTES = 1;
const REFRESH_WITHIN_MS = 50_000;

interface Scene {
  readonly folder: string;
  readonly listener: number;
  readonly responder: number;
  readonly lines: readonly string[];
  readonly ecdsa: Certified;
  readonly rsa: Certified;
}

async function scene(scratch: Scratch): Promise<Scene> {
  const { folder } = scratch;
  const listener = await freePort();
  const responder = await freePort();
  const authority = certify({ subject: "Authority", isAuthority: true });
  const issued = { issuer: authority, extensions: [responderAt(`http://127.0.0.1:${responder}/`)] };
  const shared = { subject: HOST, dns: [HOST], ...issued };
  const ecdsa = certify(shared);
  const rsa = certify({ ...shared, key: "rsa" });
  const responds = certify({ subject: "R", issuer: authority, extensions: [MAY_ANSWER] });
  certificateFiles(scratch, "ca", authority);
  certificateFiles(scratch, "answers", responds);
  writeIndex(folder, [ecdsa, rsa], []);
  const lines = [
    ...Object.entries({ ecdsa, rsa }).map(([name, { certificate, key }]) => {
      const chain = certificate + authority.certificate;
      return certificateFiles(scratch, name, { certificate: chain, key }).pki;
    }),
    `listen on 127.0.0.1 port ${listener} smtps pki ecdsa pki rsa`,
    `action "deliver" maildir "${scratch.mailFolder("mail")}" user ${MAIL_USER}`,
    'match from any for any action "deliver"',
  ];
  return { folder, listener, responder, lines, ecdsa, rsa };
}

/** As openssl-ca(1) keeps it. */
function writeIndex(
  folder: string,
  good: readonly Certified[],
  revoked: readonly Certified[],
): void {
  const text = [
    ...good.map((each) => indexLine(each, "V\t400101000000Z\t")),
    ...revoked.map((each) => indexLine(each, "R\t400101000000Z\t260101000000Z")),
  ];
  writeFileSync(`${folder}/index.txt`, text.join(""));
}

function indexLine(certified: Certified, words: string): string {
  const serial = parsed(certified).serial.toUpperCase();
  // Names must differ there; nobody compares them.
  return `${words}\t${serial}\tunknown\t/CN=${serial}\n`;
}

/** Stopped with the scratch folder. Whether it is there is not tried: a client that says nothing keeps it busy for ever. */
function answering(scratch: Scratch, { folder, responder }: Scene): void {
  const signer = ["-rsigner", `${folder}/answers.crt`, "-rkey", `${folder}/answers.key`];
  const about = ["-index", `${folder}/index.txt`, "-CA", `${folder}/ca.crt`];
  const child = spawn(
    programPath("openssl"),
    ["ocsp", "-port", String(responder), ...about, ...signer, "-nmin", String(LIFE_MINUTES)],
    { stdio: "ignore" },
  );
  scratch.use({
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await endOf(child);
    },
  });
}

interface Seen {
  /** "successful", or "no response sent". */
  readonly status: string;
  readonly cert: string;
  readonly nextUpdate: string;
}

const RSA_ONLY = ["-sigalgs", "rsa_pss_rsae_sha256"];

async function stapled(port: number, ...options: readonly string[]): Promise<Seen> {
  const command = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-status", ...options];
  const { output } = await run([...command, "-servername", HOST], "QUIT\r\n");
  const line = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? "";
  return {
    status: line(/OCSP [Rr]esponse(?: Status)?: (successful|no response sent)/u),
    cert: line(/Cert Status: (\w+)/u),
    nextUpdate: line(/Next Update: (.+)/u),
  };
}

test("after a reload lookup has what it takes to ask, and dispatchers what it heard", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const made = await scene(scratch);
  const { listener, folder } = made;
  answering(scratch, made);
  const off = ["pki ecdsa ocsp off", "pki rsa ocsp off"];
  const logins = [
    'table logins { ann = "ann:$6$a$b" }',
    `listen on socket "${folder}/a.sock" auth <logins>`,
  ];
  const daemon = await Daemon.start(scratch, [...made.lines, ...off, ...logins]);
  assert.equal((await stapled(listener)).status, "no response sent");
  const path = `${folder}/smtpd.conf`;
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("ocsp off", "ocsp auto"));
  process.kill(daemon.pid, "SIGHUP");
  await until(async () => (await stapled(listener)).cert === "good", "staple after the reload");
});

test("two certificates of a listener are stapled, each with its own response, which is renewed", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const made = await scene(scratch);
  const { listener, folder, ecdsa, rsa } = made;
  const daemon = await Daemon.start(scratch, made.lines);
  // The responder is not there yet: mail flows, and nothing is stapled.
  await until(() => daemon.log.includes("ECONNREFUSED"), "line on the responder");
  assert.equal((await stapled(listener)).status, "no response sent");

  answering(scratch, made);
  await until(async () => (await stapled(listener)).cert === "good", "staple of ECDSA", 30_000);
  await until(async () => (await stapled(listener, ...RSA_ONLY)).cert === "good", "of RSA", 30_000);
  const first = await stapled(listener);
  assert.equal(first.status, "successful");
  assert.equal((await stapled(listener, "-tls1_2")).cert, "good");

  writeIndex(folder, [ecdsa], [rsa]);
  const isRenewed = async (): Promise<boolean> => {
    const { cert, nextUpdate } = await stapled(listener);
    return cert === "good" && nextUpdate !== first.nextUpdate;
  };
  await until(isRenewed, "renewed response", REFRESH_WITHIN_MS);
  await until(() => daemon.log.includes("REVOKED"), "line on the revoked one", REFRESH_WITHIN_MS);
  assert.equal((await stapled(listener, ...RSA_ONLY)).status, "no response sent");
  assert.equal((await stapled(listener)).cert, "good");

  // Who dies takes nothing along.
  const lookup = processesOf(daemon.pid).find(({ role }) => role === "lookup");
  assert.ok(lookup !== undefined);
  process.kill(lookup.pid, "SIGKILL");
  assert.equal((await stapled(listener)).cert, "good");
});
