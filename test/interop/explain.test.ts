/** `smtpctl explain` and `smtpctl config diff`, as programs: of a file, and of the running daemon. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { makemap } from "./makemap.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const STRANGER = ["--no-dns", "--src", "198.51.100.7", "--from", "a@client.example"];

/** A daemon with a database, an alias and a relay. Not started. */
async function makeDaemon(scratch: Scratch): Promise<{ daemon: KillableDaemon; conf: string }> {
  const { folder } = scratch;
  await makemap(scratch, "domains", "here.example\n", "set");
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      `table domains db:${folder}/domains.db`,
      `table aliases { team = "${MAIL_USER}, far@away.example" }`,
      `action "deliver" maildir "${folder}/%{dest.user}" alias <aliases> user ${MAIL_USER}`,
      'action "out" relay host smtp://127.0.0.1:9',
      'match from any for domain <domains> action "deliver"',
      'match from local for any action "out"',
    ],
  });
  return { daemon, conf: `${folder}/smtpd.conf` };
}

test("a file and the daemon that runs it explain the same, down to the account", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, conf } = await makeDaemon(scratch);
  const recipients = ["--rcpt", "team@here.example", "--rcpt", "x@elsewhere.example"];
  const ofFile = await daemon.smtpctl("explain", "-f", conf, ...STRANGER, ...recipients);
  await daemon.start();
  const ofDaemon = await daemon.smtpctl("explain", ...STRANGER, ...recipients);
  assert.equal(ofDaemon.output, ofFile.output);
  assert.deepEqual([ofFile.code, ofDaemon.code], [1, 1]);
  assert.match(ofFile.output, new RegExp(`written as ${MAIL_USER}, uid \\d+$`, "mu"));
  assert.match(ofFile.output, /^ {2}550 5\.1\.1 Invalid recipient: <x@elsewhere\.example>$/mu);
  assert.equal((await daemon.smtpctl("show", "queue")).output, "");
});

test("what smtpd would not start with is explained with a warning", { skip }, async () => {
  await using scratch = new Scratch();
  const conf = `${scratch.folder}/mbox.conf`;
  const rules = [
    'mda wrapper w "/usr/bin/nice %{mda}"',
    "listen on 127.0.0.1 port 2525",
    `action "a" maildir user ${MAIL_USER} wrapper w`,
  ];
  writeFileSync(conf, [...rules, 'match from any for any action "a"', ""].join("\n"));
  const { daemon } = await makeDaemon(scratch);
  const told = await daemon.smtpctl("explain", "-f", conf, ...STRANGER, "--rcpt", "x@a.example");
  assert.equal(told.code, 0, told.output);
  assert.match(told.output, /mbox\.conf:3: warning: .* is not built yet: smtpd would not start$/mu);
});

test("explain goes on when a dispatcher was killed", { skip }, async () => {
  await using scratch = new Scratch();
  const { daemon } = await makeDaemon(scratch);
  await daemon.start();
  assert.ok(daemon.killOne("dispatcher"));
  await until(async () => {
    const { code } = await daemon.smtpctl("explain", ...STRANGER, "--rcpt", "x@here.example");
    return code === 0;
  }, "explanation by a new dispatcher");
});

test("config diff says what a file would change, and nothing once it is taken up", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, conf } = await makeDaemon(scratch);
  await daemon.start();
  assert.deepEqual(await daemon.smtpctl("config", "diff", conf), { code: 0, output: "" });
  const text = readFileSync(conf, "utf8");
  writeFileSync(conf, `${text}match from any for any reject\n`);
  const { code, output } = await daemon.smtpctl("config", "diff", conf);
  assert.equal(code, 1, output);
  assert.match(output, /^\+ .*smtpd\.conf:9: match from any for any reject\n$/u);
  assert.equal((await daemon.smtpctl("reload")).code, 0);
  assert.deepEqual(await daemon.smtpctl("config", "diff", conf), { code: 0, output: "" });
});
