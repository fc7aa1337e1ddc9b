/**
 * `openssl s_client` and real mail clients against the real daemon: certificates shown and
 * asked for, as they are and when they change; STARTTLS. What listeners offer is in
 * tls-offers.test.ts.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { certify, type CertificateRequest, type Certified } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInstalled("openssl");
const HOST = "mx.example.org";

/** Ports by what their listener is for. */
type Ports = Readonly<Record<"usual" | "strict" | "smtps" | "verify" | "pinned", number>>;

interface Scene {
  readonly daemon: Daemon;
  readonly ports: Ports;
  readonly mail: string;
  readonly authority: Certified;
  /** Writes another certificate for `pki mx-ecdsa`. */
  readonly replace: (request: CertificateRequest) => void;
}

async function scene(scratch: Scratch): Promise<Scene> {
  const { folder } = scratch;
  const write = (name: string, made: Certified): string =>
    certificateFiles(scratch, name, made).pki;
  const authority = certify({ subject: "Authority", isAuthority: true });
  const shared = { subject: HOST, dns: [HOST], issuer: authority };
  const lines = [
    write("mx-ecdsa", certify(shared)),
    write("mx-rsa", certify({ ...shared, key: "rsa" })),
    write("other", certify({ ...shared, subject: "other", dns: ["*.other.example"] })),
  ];
  const client = certify({ subject: "client" });
  write("client", client);
  write("vouched", certify({ subject: "vouched", issuer: authority }));
  const { fingerprint256 } = new X509Certificate(client.certificate);
  writeFileSync(`${folder}/ca.crt`, authority.certificate);
  const ports = {
    usual: await freePort(),
    strict: await freePort(),
    smtps: await freePort(),
    verify: await freePort(),
    pinned: await freePort(),
  };
  const mail = scratch.mailFolder("mail");
  const all = "pki mx-ecdsa pki mx-rsa pki other";
  const daemon = await Daemon.start(scratch, [
    ...lines,
    `ca clients cert "${folder}/ca.crt"`,
    `listen on 127.0.0.1 port ${ports.usual} tls ${all}`,
    `listen on 127.0.0.1 port ${ports.strict} tls-require protocols "tlsv1.3" curves "P-384" ciphers "TLS_AES_128_GCM_SHA256" pki mx-ecdsa`,
    `listen on 127.0.0.1 port ${ports.smtps} smtps ${all}`,
    `listen on 127.0.0.1 port ${ports.verify} tls-require verify ca clients pki mx-ecdsa`,
    `listen on 127.0.0.1 port ${ports.pinned} tls verify fingerprint "${fingerprint256}" pki mx-ecdsa`,
    `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    'match tls from any for any action "deliver"',
  ]);
  const replace = (request: CertificateRequest): void => {
    const { certificate, key } = certify(request);
    for (const [kind, text] of [
      ["crt", certificate],
      ["key", key],
    ] as const) {
      writeFileSync(`${folder}/new`, text, { mode: 0o600 });
      renameSync(`${folder}/new`, `${folder}/mx-ecdsa.${kind}`);
    }
  };
  return { daemon, ports, mail, authority, replace };
}

async function handshake(port: number, options: readonly string[]): Promise<Finished> {
  const client = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-starttls", "smtp"];
  return run([...client, ...options], "QUIT\r\n");
}

async function unlessSwaksHasTls(): Promise<string | false> {
  const { code } = await run(["perl", "-MNet::SSLeay", "-e", "1"]);
  return code === 0 ? false : "Net::SSLeay, which swaks speaks TLS with, is not installed";
}

function showing({ folder }: Scratch, name: string): readonly string[] {
  return ["-cert", `${folder}/${name}.crt`, "-key", `${folder}/${name}.key`];
}

test("a client is shown the certificate that it asks for and can check", { skip }, async () => {
  await using scratch = new Scratch();
  const { ports } = await scene(scratch);
  const shown = async (...options: readonly string[]): Promise<string> => {
    const { output } = await handshake(ports.usual, options);
    const subject = /subject=CN ?= ?(\S+)/u.exec(output)?.[1] ?? "";
    return `${subject} ${/Server public key is (\d+) bit/u.exec(output)?.[1] ?? ""}`;
  };
  assert.equal(await shown(), `${HOST} 256`);
  assert.equal(await shown("-servername", HOST, "-sigalgs", "rsa_pss_rsae_sha256"), `${HOST} 2048`);
  assert.equal(await shown("-servername", "a.other.example"), "other 256");
  assert.equal(await shown("-servername", "a.b.other.example"), `${HOST} 256`);
  assert.equal(await shown("-servername", "nobody.example"), `${HOST} 256`);
  for (const odd of ["x".repeat(300), "../../etc/passwd", "a\\", "127.0.0.1", "*.other.example"]) {
    const name = await shown("-servername", odd);
    assert.ok(name === `${HOST} 256` || name === " ", `${odd}: ${name}`);
  }
});

test("a listener with verify takes clients with a certificate of its authority only", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, ports } = await scene(scratch);
  const known = await handshake(ports.verify, showing(scratch, "vouched"));
  assert.match(known.output, /250 HELP|221 2\.0\.0/u);
  await until(
    () => daemon.log.includes('cert-check result="verified" fingerprint="SHA256:'),
    "log line",
  );
  await handshake(ports.verify, []);
  await until(() => daemon.log.includes("no client certificate"), "log line of the refusal");
});

test("a listener with fingerprints takes the clients that it knows, whoever vouches", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, ports } = await scene(scratch);
  const known = await handshake(ports.pinned, showing(scratch, "client"));
  assert.match(known.output, /250 HELP|221 2\.0\.0/u);
  await until(() => daemon.log.includes("why=DEPTH_ZERO_SELF_SIGNED_CERT"), "log line");
  await handshake(ports.pinned, showing(scratch, "vouched"));
  await until(
    () => daemon.log.includes("client certificate not in table"),
    "log line of the refusal",
  );
});

test("a certificate that is replaced is shown to new clients; a bad one is not", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, ports, replace, authority } = await scene(scratch);
  const socket = connect(ports.usual, "127.0.0.1");
  await once(socket, "data");
  replace({ subject: "renewed.example", dns: ["renewed.example"], issuer: authority });
  process.kill(daemon.pid, "SIGHUP");
  await until(() => daemon.log.includes("configuration reloaded"), "reload");
  assert.match((await handshake(ports.usual, [])).output, /subject=CN ?= ?renewed\.example/u);
  writeFileSync(`${scratch.folder}/mx-ecdsa.crt`, "-----BEGIN CERTIFICATE-----\n");
  process.kill(daemon.pid, "SIGHUP");
  await until(() => daemon.log.includes("pki mx-ecdsa: "), "warning");
  assert.match((await handshake(ports.usual, [])).output, /subject=CN ?= ?renewed\.example/u);
  socket.write("QUIT\r\n");
  assert.match(String((await once(socket, "data"))[0]), /^221 /u);
});

test("what follows STARTTLS in the clear is never a command", { skip }, async () => {
  await using scratch = new Scratch();
  const { ports } = await scene(scratch);
  const talk = async (...parts: readonly string[]): Promise<string> => {
    const socket = connect(ports.usual, "127.0.0.1");
    socket.on("error", () => undefined);
    let heard = "";
    socket.on("data", (bytes: Buffer) => {
      heard += bytes.toString();
    });
    for (const part of parts) {
      await until(() => /^[2345]\d\d .*\r\n$/mu.test(heard), "reply");
      heard = part.startsWith("EHLO") ? "" : heard;
      socket.write(part);
      if (part === "STARTTLS\r\n") await until(() => heard.includes("220 2.0.0"), "220");
    }
    await once(socket, "close");
    return heard;
  };
  const injected = await talk(
    "EHLO client.example\r\n",
    "STARTTLS\r\nRSET\r\nMAIL FROM:<evil@smuggle.example>\r\n",
  );
  assert.match(injected, /501 5\.5\.1 .*STARTTLS/u);
  assert.doesNotMatch(injected, /220 2\.0\.0|250 2/u);
  const plain = await talk(
    "EHLO client.example\r\n",
    "STARTTLS\r\n",
    "MAIL FROM:<evil@smuggle.example>\r\n",
  );
  assert.match(plain, /220 2\.0\.0 Ready to start TLS\r\n$/u);
});

test("mail comes in over TLS: swaks, msmtp and nodemailer", { skip }, async (t) => {
  await using scratch = new Scratch();
  const { daemon, ports, mail } = await scene(scratch);
  const send = createTransport({
    host: "127.0.0.1",
    port: ports.smtps,
    secure: true,
    tls: { rejectUnauthorized: false },
  });
  await send.sendMail({ from: "a@b.example", to: "nodemailer@in.example", text: "hello" });
  send.close();
  const [message] = await arrivals(`${mail}/nodemailer/new`, 1, "hello");
  assert.match(
    message ?? "",
    /with ESMTPS id [0-9a-f]{8} \(TLSv1\.3:TLS_AES_256_GCM_SHA384:256:NO\)/u,
  );
  const line = /smtp tls ciphers=TLSv1\.3:TLS_AES_256_GCM_SHA384:256 /u;
  await until(() => line.test(daemon.log), "line of the handshake");
  await t.test(
    "swaks",
    { skip: unlessInstalled("swaks") || (await unlessSwaksHasTls()) },
    async () => {
      const server = ["--server", `127.0.0.1:${ports.strict}`, "--tls"];
      const who = ["--from", "a@b.example", "--to", "swaks@in.example"];
      const { code, output } = await run(["swaks", ...server, ...who]);
      assert.equal(code, 0, output);
      assert.equal((await arrivals(`${mail}/swaks/new`, 1, "To: swaks@in.example")).length, 1);
    },
  );
  await t.test("msmtp", { skip: unlessInstalled("msmtp") }, async () => {
    const server = [
      "--host=127.0.0.1",
      `--port=${ports.strict}`,
      "--tls=on",
      "--tls-certcheck=off",
    ];
    const { code, output } = await run(
      ["msmtp", ...server, "--from=a@b.example", "msmtp@in.example"],
      "Subject: s\n\nhello\n",
    );
    assert.equal(code, 0, output);
    assert.equal((await arrivals(`${mail}/msmtp/new`, 1, "hello")).length, 1);
  });
});
