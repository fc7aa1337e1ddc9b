/** `smtpctl doctor` where the DNS keeps it waiting. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { unlessMountable } from "./mounts.ts";
import { run, unlessInstalled } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;
const PROBE = new URL("doctor-probe.ts", import.meta.url).pathname;
const skip = (await unlessStartable()) || unlessMountable() || unlessInstalled("ip");

test("doctor ends after its last line, however many names the system's resolver is still to ask for", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  writeFileSync(`${folder}/resolv.conf`, "nameserver 127.0.0.1\n");
  writeFileSync(`${folder}/smtpd.conf`, "match from any for any reject\n");
  const line = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const probe = [process.execPath, PROBE, SMTPCTL, "doctor", "-f", `${folder}/smtpd.conf`];
  const domains = ["a", "b", "c", "d", "e", "f"].flatMap((name) => ["--domain", `${name}.example`]);
  const words = ["sh", `${folder}/resolv.conf`, ...probe, ...domains];
  const { code, output } = await run(["unshare", "-n", "-m", "sh", "-c", line, ...words]);
  assert.equal(code, 0, output);
  // It waits for those that are asked for at that moment: resolv.conf(5) has 10 seconds for one.
  assert.ok(Number(output) < 10_000, output);
});
