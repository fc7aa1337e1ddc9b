/**
 * The daemon that logs to syslog, and the end of its logger(1). What is run in the place of that
 * one, for the daemon alone, writes to a file.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { unlessMountable } from "./mounts.ts";
import { endOf } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const READER = "/bin/cat";
const skip = (await unlessStartable()) || unlessMountable();

test("a logger that is killed is started again, and the lines go on", { skip }, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const file = `${folder}/syslog`;
  writeFileSync(`${folder}/logger`, `#!/bin/sh\nexec ${READER} >>${file}\n`, { mode: 0o755 });
  writeFileSync(
    `${folder}/smtpd.conf`,
    `listen on 127.0.0.1 port ${await freePort()}\nmatch from any for any reject\n`,
  );
  const inItsPlace = 'mount --bind "$0" /usr/bin/logger && exec "$@"';
  const words = ["-F", "-f", `${folder}/smtpd.conf`, "--state", `${folder}/state`];
  const daemon = spawn(
    "unshare",
    ["--mount", "--", "sh", "-c", inItsPlace, `${folder}/logger`, PROGRAM, ...words],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const errors = text(daemon.stderr);
  const ended = endOf(daemon);
  const log = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const loggers = (): readonly number[] =>
    processesOf(daemon.pid ?? 0).flatMap(({ pid, program }) => (program === READER ? [pid] : []));
  try {
    await until(() => log().includes("info: ready\n"), "daemon");
    const [first] = loggers();
    assert.ok(first !== undefined, "a logger runs");
    process.kill(first, "SIGKILL");
    await until(() => log().includes("was started again"), "logger");
    const [second, ...more] = loggers();
    assert.ok(second !== undefined && second !== first && more.length === 0, "one, and another");
  } finally {
    daemon.kill("SIGTERM");
    await ended;
  }
  assert.match(
    log(),
    /<4>warn: logger\(1\) was ended by SIGKILL and was started again: what it had not read is lost\n(?:.*\n)*info: Exiting\n/u,
  );
  assert.match(await errors, /^smtpd: warning: logger\(1\) was ended by SIGKILL: /mu);
});
