/** LIM-12: more clients, and more accounts, than the daemon may have files open for. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { greetedClient, PipedDaemon, sendsMail, sendsMails } from "./piped-daemon.ts";
import { Scratch } from "./scratch.ts";

const MAX_OPEN_FILES = 64;
const CLIENTS = 500;
/** An agent for each is more than the parent has descriptors for. */
const ACCOUNTS = 16;
const FIRST_UID = 60_001;

const skip = await unlessStartable();

test("with 64 descriptors some of 500 clients are served, mail is delivered, and all is well again", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await PipedDaemon.start(scratch, MAX_OPEN_FILES);
  const { port } = daemon;
  using clients = new DisposableStack();
  const honest = clients.adopt(await greetedClient(port), (client) => client.leave());
  const settled = new Set<Socket>();
  let served = 0;
  for (let n = 0; n < CLIENTS; n++) {
    // One that is turned away does not go by itself.
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    clients.defer(() => socket.destroy());
    socket.on("error", () => undefined);
    for (const end of ["end", "close"]) socket.once(end, () => settled.add(socket));
    socket.once("data", (bytes) => {
      const said = bytes.toString("latin1");
      if (said.startsWith("220")) served++;
      else assert.match(said, /^421 4\.3\.2 /);
      settled.add(socket);
    });
  }
  await until(() => settled.size === CLIENTS, "answer or end for each client");
  assert.ok(served >= 15, `${served} are served`);
  // The socket to the delivery agent, which starts now, finds a descriptor left.
  await sendsMail(honest);
  await daemon.delivered(1);
  clients.dispose();
  await until(() => servesAgain(port), "service as before");
  await daemon.delivered(2);
  await daemon.stop();
});

test("with 64 descriptors a mail to 16 accounts is delivered to each, by a few agents at a time, and nobody dies", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const mail = scratch.mailFolder("boxes");
  chmodSync(mail, 0o777);
  const names = Array.from({ length: ACCOUNTS }, (_, n) => `user${n}`);
  const users = names.map((name, n) => `${name} = "${FIRST_UID + n}:${FIRST_UID + n}:/"`);
  const daemon = await PipedDaemon.start(scratch, MAX_OPEN_FILES, [
    `table users { ${users.join(", ")} }`,
    `action "d" maildir "${mail}/%{user.username}" userbase <users>`,
    'match from any for any action "d"',
  ]);
  const client = await greetedClient(daemon.port);
  await client.write("MAIL FROM:<a@example.test>\r\n");
  assert.match((await client.reply()) ?? "", /^250 /u);
  for (const name of names) {
    await client.write(`RCPT TO:<${name}@example.test>\r\n`);
    assert.match((await client.reply()) ?? "", /^250 /u);
  }
  await client.write("DATA\r\n");
  await client.reply();
  await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
  assert.match((await client.reply()) ?? "", /^250 /u);
  const delivered = (): readonly string[] =>
    names.filter((name) => {
      const folder = `${mail}/${name}/new`;
      return existsSync(folder) && readdirSync(folder).length === 1;
    });
  await until(() => delivered().length === ACCOUNTS, "delivery to each account");
  assert.doesNotMatch(daemon.log, /EMFILE|starting it again|result=TempFail/u);
  client.leave();
  await daemon.stop();
});

/** False while the sessions that were are being closed. */
async function servesAgain(port: number): Promise<boolean> {
  try {
    await sendsMails(port, 1);
    return true;
  } catch {
    return false;
  }
}
