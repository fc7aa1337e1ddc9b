/**
 * The two scenes that the project began with: two UNIX-domain listeners, `nc` on one
 * and smtp(1) on the other; and smtp(1) to localhost.
 *
 * Source: January 2021 report on OpenSMTPD and nooSMTPD, "smtpd(8) now binds
 * Unix-domain sockets", "smtp(1) now talks Unix-domain socket".
 */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const BIN = new URL("../../bin/", import.meta.url).pathname;

/** One line on standard output, as the report shows it behind the recipient. */
const ACCEPTED =
  /^anna@here\.example: EOM: 250 2\.0\.0 [0-9a-f]{8} Message accepted for delivery\n$/u;

interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly mail: string;
  readonly port: number;
}

/** Runs a line as a shell does, with the programs of the checkout in its path. */
function shell(line: string): Promise<Finished> {
  return run(["env", `PATH=${BIN}:${process.env["PATH"]}`, "sh", "-c", line]);
}

/** The daemon with `listen on socket` twice, and on a port. */
async function scene(scratch: Scratch): Promise<Scene> {
  const { folder } = scratch;
  const mail = scratch.mailFolder("mail");
  const port = await freePort();
  writeFileSync(
    `${folder}/smtpd.conf`,
    `listen on socket "${folder}/foobar.sock"
listen on socket "${folder}/barbaz.sock"
listen on 127.0.0.1 port ${port}
action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}
match from any for any action "deliver"
`,
  );
  const started = await shell(`smtpd -f ${folder}/smtpd.conf --state ${folder}/state`);
  assert.deepEqual(started, { code: 0, output: "" });
  return {
    folder,
    mail,
    port,
    async [Symbol.asyncDispose]() {
      await shell(`smtpctl --state ${folder}/state stop`);
      const down = async (): Promise<boolean> =>
        (await shell(`smtpctl --state ${folder}/state show status`)).code !== 0;
      await until(down, "end of the daemon");
    },
  };
}

test("nc -U on one of two sockets gets the greeting and a session", {
  skip: skip || unlessInstalled("nc"),
}, async () => {
  await using scratch = new Scratch();
  await using stage = await scene(scratch);
  for (const name of ["foobar", "barbaz"]) {
    const { output } = await shell(
      `printf 'HELO client\\r\\nQUIT\\r\\n' | nc -U ${stage.folder}/${name}.sock`,
    );
    assert.match(output, /^220 \S+ ESMTP \S+\r\n250 [^\n]*\r\n221 2\.0\.0 Bye\r\n$/u);
  }
});

test("anybody may connect to the sockets", { skip }, async () => {
  await using scratch = new Scratch();
  await using stage = await scene(scratch);
  for (const name of ["foobar", "barbaz"]) {
    assert.equal(statSync(`${stage.folder}/${name}.sock`).mode & 0o777, 0o666);
  }
});

test('printf "subject: test\\n\\ntest" | smtp -s /tmp/barbaz.sock', { skip }, async () => {
  await using scratch = new Scratch();
  await using stage = await scene(scratch);
  const { code, output } = await shell(
    `printf "subject: test\\n\\ntest" | smtp -s ${stage.folder}/barbaz.sock anna@here.example`,
  );
  assert.equal(code, 0, output);
  assert.match(output, ACCEPTED);
  const [text = ""] = await arrivals(`${stage.mail}/anna/new`, 1, "subject: test");
  assert.match(text, /\n\ntest\n$/u);
});

test("cat <<EOF | smtp -s localhost", { skip }, async () => {
  await using scratch = new Scratch();
  await using stage = await scene(scratch);
  const { code, output } = await shell(
    `cat <<EOF | smtp -s smtp://localhost:${stage.port} anna@here.example\nSubject: foo\n\nEOF`,
  );
  assert.equal(code, 0, output);
  assert.match(output, ACCEPTED);
  await arrivals(`${stage.mail}/anna/new`, 1, "Subject: foo");
});
