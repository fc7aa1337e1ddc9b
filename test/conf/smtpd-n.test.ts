/**
 * `smtpd -n` says what the goldens say. Only files that ask nothing of the machine: an
 * interface, an account or a file of /etc/mail that others have would be told as well.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const SMTPD = join(import.meta.dirname, "../../bin/smtpd");
/** A check that takes longer hangs. */
const WITHIN_MS = 20_000;

const WRONG = [
  "limits-of-old",
  "statement-cut-short",
  "hidden-characters",
  "every-criterion-twice",
  "relay-urls",
  "format-ranges",
  "only-comments",
] as const;

const RIGHT = ["layout-lists", "layout-continuation", "layout-crlf", "byte-order-mark"] as const;

interface Told {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function check(folder: string, name: string, ...options: readonly string[]): Told {
  return spawnSync(SMTPD, ["-n", ...options, "-f", `${name}.conf`], {
    cwd: join(import.meta.dirname, folder),
    encoding: "utf8",
    timeout: WITHIN_MS,
  });
}

function golden(path: string): string {
  const file = join(import.meta.dirname, path);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

for (const name of WRONG) {
  test(`smtpd -n tells of rogues/${name} what its golden says`, () => {
    const { status, stdout, stderr } = check("rogues", name);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.equal(
      stderr.replaceAll(`${join(import.meta.dirname, "rogues")}/`, ""),
      golden(`rogues/${name}.complaints`),
    );
  });
}

/** Lines that this machine has no part in: no name of it, no address, no folder of state. */
function portable(meaning: string): readonly string[] {
  return meaning.split("\n").filter((line) => !/^(?:admd|listen on) |^$/u.test(line));
}

for (const name of RIGHT) {
  test(`smtpd -n -v prints of wild/${name} the meaning that its golden has`, () => {
    const { status, stdout, stderr } = check("wild", name, "-v");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^configuration OK$/mu);
    assert.deepEqual(portable(stdout), portable(golden(`wild/${name}.meaning`)));
  });
}
