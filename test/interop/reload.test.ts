/**
 * The real daemon takes up another configuration: by SIGHUP and by smtpctl(8), with
 * sockets that its dispatchers, as other users, get from the parent.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type NetConnectOpts } from "node:net";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { freePort, greets, until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();
const RELOADED = "info: configuration reloaded\n";

/** A daemon that takes mail for a.example, and the file that it was started with. */
class Setup {
  readonly daemon: KillableDaemon;
  readonly folder: string;
  readonly mail: string;
  readonly #listeners: readonly string[];

  static async start(scratch: Scratch): Promise<Setup> {
    const mail = scratch.mailFolder("mail");
    const daemon = await KillableDaemon.make(scratch, { rules: rulesFor("a.example", mail) });
    await daemon.start();
    return new Setup(scratch.folder, daemon, mail);
  }

  private constructor(folder: string, daemon: KillableDaemon, mail: string) {
    this.daemon = daemon;
    this.folder = folder;
    this.mail = mail;
    const [tcp] = daemon.servers;
    const port = "port" in tcp ? tcp.port : 0;
    this.#listeners = [`listen on 127.0.0.1 port ${port}`, `listen on socket "${folder}/in.sock"`];
  }

  /** Writes the file anew: takes mail for `domain`, and listens where it does and on `others`. */
  write(domain: string, ...others: readonly string[]): void {
    this.writeLines([...this.#listeners, ...others, ...rulesFor(domain, this.mail)]);
  }

  writeLines(lines: readonly string[]): void {
    writeFileSync(`${this.folder}/smtpd.conf`, `${lines.join("\n")}\n`);
  }

  /** SIGHUP, and waits for what the log says of it. */
  async hangUp(outcome = RELOADED): Promise<void> {
    const count = (): number => this.daemon.log.split(outcome).length;
    const before = count();
    process.kill(this.daemon.pid, "SIGHUP");
    await until(() => count() > before, `"${outcome}" in the log\n${this.daemon.logEnd}`);
  }
}

function rulesFor(domain: string, mail: string): readonly string[] {
  return [
    "compat none",
    `action "box" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
    `match from any for domain "${domain}" action "box"`,
    "match from any for any reject",
  ];
}

/** A session that has said EHLO. */
async function open(server: NetConnectOpts): Promise<SmtpSession> {
  const session = await SmtpSession.open(server);
  await session.say("EHLO client.example");
  return session;
}

/** The code that a recipient gets. */
async function recipient(session: SmtpSession, address: string): Promise<string> {
  await session.say("RSET");
  await session.say("MAIL FROM:<b@b.example>");
  return (await session.say(`RCPT TO:<${address}>`)).slice(0, 3);
}

async function deliver(server: NetConnectOpts, to: string, subject: string): Promise<void> {
  using session = await SmtpSession.inData(server, to);
  assert.match(await session.say(`Subject: ${subject}\r\n\r\nhello\r\n.`), /^250 /u);
}

test("after SIGHUP a session goes on by the old rules, and new ones begin by the new ones", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const setup = await Setup.start(scratch);
  const sessions = await Promise.all(setup.daemon.servers.map(open));
  setup.write("c.example");
  await setup.hangUp();
  for (const [index, server] of setup.daemon.servers.entries()) {
    using before = sessions[index];
    assert.ok(before !== undefined);
    assert.equal(await recipient(before, "ann@a.example"), "250");
    assert.equal(await recipient(before, "ann@c.example"), "550");
    using after = await open(server);
    assert.equal(await recipient(after, "ann@a.example"), "550");
    assert.equal(await recipient(after, "ann@c.example"), "250");
  }
});

test("a reload opens what is new, closes what is gone, and a dispatcher that dies has it too", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const setup = await Setup.start(scratch);
  const { daemon, folder } = setup;
  const tcp = { host: "127.0.0.1", port: await freePort() };
  const unix = { path: `${folder}/other.sock` };
  setup.write(
    "a.example",
    `listen on 127.0.0.1 port ${tcp.port}`,
    `listen on socket "${unix.path}" mode 0600`,
  );
  await setup.hangUp();
  assert.equal(statSync(unix.path).mode & 0o777, 0o600);
  using kept = await open(unix);
  await deliver(tcp, "ann@a.example", "tcp");
  await deliver(unix, "ann@a.example", "unix");
  assert.ok(daemon.killOne("dispatcher"));
  for (const server of [...daemon.servers, tcp, unix]) {
    await until(() => greets(server), `greeting at ${JSON.stringify(server)}`);
  }
  await kept.ended();
  using second = await open(unix);
  setup.write("a.example");
  await setup.hangUp();
  assert.equal(await greets(tcp), false);
  assert.equal(existsSync(unix.path), false);
  assert.equal(await recipient(second, "ann@a.example"), "250");
  // The same once more: nothing of the first time may stand in the way.
  setup.write(
    "a.example",
    `listen on 127.0.0.1 port ${tcp.port}`,
    `listen on socket "${unix.path}"`,
  );
  await setup.hangUp();
  assert.equal(statSync(unix.path).mode & 0o777, 0o666);
  await deliver(tcp, "ann@a.example", "again over tcp");
  await deliver(unix, "ann@a.example", "again over unix");
  await arrivals(`${setup.mail}/ann/new`, 4, "hello");
});

test("a file with mistakes, and an address in use, change nothing and are told with their lines", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const setup = await Setup.start(scratch);
  const { daemon } = setup;
  const [server] = daemon.servers;
  setup.write("c.example", "listen on 127.0.0.1 port 99999", "listen on nowhere");
  await setup.hangUp("warn: configuration not reloaded: nothing has changed\n");
  const wrong = await daemon.smtpctl("reload");
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /smtpd\.conf:3:\d+: /u);
  assert.match(wrong.output, /smtpd\.conf:4:\d+: /u);
  assert.match(wrong.output, /^command failed: nothing has changed$/mu);

  const stranger = createServer();
  await once(stranger.listen(0, "127.0.0.1"), "listening");
  const taken = stranger.address() as AddressInfo;
  setup.write("c.example", `listen on 127.0.0.1 port ${taken.port}`);
  const inUse = await daemon.smtpctl("reload");
  stranger.close();
  assert.equal(inUse.code, 1);
  assert.match(
    inUse.output,
    /smtpd\.conf:3:\d+: cannot listen on .*: it is in use by another program/u,
  );
  using session = await open(server);
  assert.equal(await recipient(session, "ann@a.example"), "250");
});

test("mail whose action is gone waits over a restart too, and is sent when the action is back", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const setup = await Setup.start(scratch);
  const { daemon } = setup;
  await daemon.smtpctl("pause", "mda");
  await deliver(daemon.servers[0], "ann@a.example", "patience");
  const renamed = rulesFor("a.example", setup.mail).map((line) => line.replace('"box"', '"other"'));
  setup.writeLines(["listen on 127.0.0.1 port 0", ...renamed]);
  const { code, output } = await daemon.smtpctl("reload");
  assert.equal(code, 0);
  assert.match(output, /1 envelope waits for actions that are gone: "box"/u);
  await daemon.stop();
  await daemon.start();
  assert.match((await daemon.smtpctl("show", "queue")).output, /action 'box' is gone/u);
  setup.write("a.example");
  assert.match((await daemon.smtpctl("reload")).output, /^configuration reloaded$/mu);
  await arrivals(`${setup.mail}/ann/new`, 1, "Subject: patience");
});

test("smtpctl update table reads the file of a table, which open sessions see", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const setup = await Setup.start(scratch);
  const { daemon, folder } = setup;
  const [server] = daemon.servers;
  const path = `${folder}/domains`;
  writeFileSync(path, "a.example\n");
  const [compat = "", action = "", , reject = ""] = rulesFor("", setup.mail);
  const match = 'match from any for domain <domains> action "box"';
  const port = "port" in server ? server.port : 0;
  setup.writeLines([
    `listen on 127.0.0.1 port ${port}`,
    `table domains file:${path}`,
    compat,
    action,
    match,
    reject,
  ]);
  await setup.hangUp();
  using session = await open(server);
  assert.equal(await recipient(session, "ann@c.example"), "550");
  writeFileSync(path, "a.example\nc.example\n");
  // Half of an edit: the table does not need it.
  setup.writeLines(["listen on"]);
  assert.equal(
    (await daemon.smtpctl("update", "table", "domains")).output,
    "table domains reloaded\n",
  );
  assert.equal(await recipient(session, "ann@c.example"), "250");
  const unknown = await daemon.smtpctl("update", "table", "none");
  assert.match(unknown.output, /no such table: none/u);
  assert.equal(unknown.code, 1);
});
