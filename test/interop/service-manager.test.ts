/** The daemon under a service manager, as far as that can be tried without one: units, sockets, readiness. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { unlessMountable } from "./mounts.ts";
import { endOf, run, unlessInstalled } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const CHECKOUT = new URL("../..", import.meta.url).pathname;
const PROGRAM = `${CHECKOUT}bin/smtpd`;

/** systemd-analyze(1) of a machine where the package is not installed, and whose manuals are elsewhere. */
const NOT_OURS = /is not executable: No such file|'man .*' failed/u;

const RULES = 'action "out" relay\nmatch from local for any action "out"\n';

/** Hears one message as a service manager does, and prints it with the number of who sent it. */
const LISTENER = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
print("listening", flush=True)
data, ancillary, *_ = s.recvmsg(4096, 1024)
for _, kind, value in ancillary:
    print(struct.unpack("3i", value[:12])[0], data.decode().split("\\n")[0], flush=True)
`;

test("systemd understands the units", { skip: unlessInstalled("systemd-analyze") }, async () => {
  const units = ["postrider.service", "postrider.socket"].map(
    (name) => `${CHECKOUT}packaging/systemd/${name}`,
  );
  const { output } = await run(["systemd-analyze", "verify", ...units]);
  const faults = output.split("\n").filter((line) => line !== "" && !NOT_OURS.test(line));
  assert.deepEqual(faults, []);
});

test("who connects before the daemon runs is greeted when it does", {
  skip: (await unlessStartable()) || unlessInstalled("systemd-socket-activate"),
}, async () => {
  await using scratch = new Scratch();
  const path = `${scratch.folder}/in.sock`;
  writeFileSync(`${scratch.folder}/smtpd.conf`, `listen on socket "${path}"\n${RULES}`);
  const options = ["-f", `${scratch.folder}/smtpd.conf`, "--state", `${scratch.folder}/state`];
  const daemon = spawn("systemd-socket-activate", ["-l", path, PROGRAM, "-d", ...options], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  scratch.use({
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await endOf(daemon);
    },
  });
  await until(() => existsSync(path), "socket that is activated");
  using session = await SmtpSession.open({ path });
  assert.match(await session.say("EHLO client.example"), /^250-/u);
  daemon.kill();
  assert.equal(await endOf(daemon), 0);
  assert.ok(existsSync(path), "the socket is not the daemon's to remove");
});

test("a service manager hears from the daemon itself that it is ready", {
  skip:
    (await unlessStartable()) || unlessInstalled("systemd-notify") || unlessInstalled("python3"),
}, async () => {
  await using scratch = new Scratch();
  const path = `${scratch.folder}/notify`;
  const listener = spawn("python3", ["-c", LISTENER, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let heard = "";
  listener.stdout.on("data", (bytes: Buffer) => {
    heard += bytes.toString();
  });
  await once(listener.stdout, "data");
  writeFileSync(
    `${scratch.folder}/smtpd.conf`,
    `listen on socket "${scratch.folder}/in"\n${RULES}`,
  );
  const options = ["-f", `${scratch.folder}/smtpd.conf`, "--state", `${scratch.folder}/state`];
  const daemon = spawn(PROGRAM, ["-d", ...options], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NOTIFY_SOCKET: path },
  });
  scratch.use({
    async [Symbol.asyncDispose]() {
      listener.kill();
      daemon.kill();
      await endOf(daemon);
    },
  });
  await until(() => heard.includes("READY"), "message that says ready");
  // Root may speak for another process; who is not root is heard as systemd-notify.
  if (process.getuid?.() === 0) assert.equal(heard, `listening\n${daemon.pid} READY=1\n`);
});

/** Tells its words in place of the program that is called so. */
const TELLER = '#!/bin/sh\necho "${0##*/} $*"\n';
const STARTED = [
  "systemctl is-enabled --quiet postrider.socket",
  "systemctl start postrider.socket",
  "systemctl is-enabled --quiet postrider.service",
  "systemctl restart postrider.service",
];

for (const why of ["abort-upgrade", "abort-remove", "abort-deconfigure"])
  test(`the service runs again, and sendmail is there, after dpkg's ${why}`, {
    skip: unlessMountable(),
  }, async () => {
    await using scratch = new Scratch();
    for (const name of ["systemctl", "update-alternatives"])
      writeFileSync(`${scratch.folder}/${name}`, TELLER, { mode: 0o755 });
    const booted = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system";
    const line = `${booted} && PATH="$1:$PATH" exec sh "$2" "$3" 1.0`;
    const words = [scratch.folder, `${CHECKOUT}packaging/debian/postinst`, why];
    const { code, output } = await run(["unshare", "-m", "sh", "-c", line, "sh", ...words]);
    assert.equal(code, 0, output);
    const [alternatives = "", ...services] = output.trimEnd().split("\n");
    assert.match(alternatives, /^update-alternatives .*--install \/usr\/sbin\/sendmail mta /u);
    assert.deepEqual(services, STARTED);
  });
