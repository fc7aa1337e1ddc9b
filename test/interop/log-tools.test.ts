/**
 * A log tool of Debian reads our lines by what it knows of OpenSMTPD's: fail2ban, with the filter
 * of examples/, joins the lines of a session by its id.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { PipedDaemon } from "./piped-daemon.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const FILTER = new URL("../../examples/fail2ban-smtpd.conf", import.meta.url).pathname;
const COMMON = "/etc/fail2ban/filter.d/common.conf";

const skip = (await unlessStartable()) || unlessInstalled("fail2ban-regex");

/** The addresses of the lines that the filter takes for failures. */
async function culprits(folder: string, log: string): Promise<readonly string[]> {
  mkdirSync(`${folder}/fail2ban/filter.d`, { recursive: true });
  copyFileSync(COMMON, `${folder}/fail2ban/filter.d/common.conf`);
  copyFileSync(FILTER, `${folder}/fail2ban/filter.d/smtpd.conf`);
  // As syslog has them.
  const lines = log.split("\n").map((line) => `Nov 26 05:57:10 mx smtpd[123]: ${line}`);
  writeFileSync(`${folder}/mail.log`, `${lines.join("\n")}\n`);
  const command = ["fail2ban-regex", "-c", `${folder}/fail2ban`, "-o", "ip"];
  const { code, output } = await run([...command, `${folder}/mail.log`, "smtpd"]);
  assert.equal(code, 0, output);
  return output.split("\n").filter(Boolean);
}

test("fail2ban finds who tries to relay, and nobody else", { skip }, async () => {
  await using scratch = new Scratch();
  const box = scratch.mailFolder("box");
  const daemon = await PipedDaemon.start(scratch, undefined, [
    `action "here" maildir "${box}" user "${MAIL_USER}"`,
    'match from any for domain "here.example" action "here"',
  ]);
  const { port } = daemon;
  for (const [localAddress, domain, code] of [
    ["127.0.0.7", "elsewhere.example", /^550 /u],
    ["127.0.0.8", "here.example", /^250 /u],
  ] as const) {
    using session = await SmtpSession.open({ host: "127.0.0.1", port, localAddress });
    await session.say("EHLO client.example");
    await session.say("MAIL FROM:<sender@client.example>");
    assert.match(await session.say(`RCPT TO:<ann@${domain}>`), code);
    await session.say("QUIT");
  }
  await until(() => daemon.log.match(/ smtp disconnected /gu)?.length === 2, "end of both");
  assert.deepEqual(await culprits(scratch.folder, daemon.log), ["127.0.0.7"], daemon.log);
  await daemon.stop();
});
