/**
 * Configurations and what they mean, or what is wrong with them.
 *
 * Beside `NAME.conf` stand, as far as there is anything to tell:
 *
 *   NAME.meaning     what it means, as `smtpd -n -v` prints it
 *   NAME.places      the same as `smtpd -n --print` prints it (where the file is there)
 *   NAME.complaints  errors and warnings, all of the text
 *   NAME.not-built   what keeps smtpd from starting with it yet
 *
 * `rogues/` are those that are refused, `wild/` those that other people's files are like.
 * Lines `# -D NAME=VALUE` and `# --compat opensmtpd` are arguments. `/etc/mail/…` is
 * the folder files/. `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { BuildContext, ConfigSource } from "#model/config/config-source.ts";
import { parseMacroArgument } from "#model/config/config-source.ts";
import { notBuilt } from "#model/config/not-built.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { formatPlace } from "#model/config/place.ts";
import { printConfig, printConfigWithPlaces } from "#model/config/print-config.ts";
import { meaningOf } from "#test/support/config-meaning.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

/** Reads the case itself under its own name, and `/etc/mail/…` from files/. */
function source(name: string, text: string): ConfigSource {
  const file = `${name}.conf`;
  return {
    file,
    read(path) {
      if (path === file) return text;
      const local = fileOf(path);
      if (existsSync(local)) return readFileSync(local, "utf8");
      return { kind: "files-fault", code: "ENOENT", message: "no such file" };
    },
    readHead(path, maxBytes) {
      const local = fileOf(path);
      if (existsSync(local)) return readFileSync(local).subarray(0, maxBytes);
      return { kind: "files-fault", code: "ENOENT", message: "no such file" };
    },
  };
}

function fileOf(path: string): string {
  return join(FOLDER, "files", path.replace(/^\/etc\/mail\//u, ""));
}

/** A mail server with two addresses, and a name that has one. */
function context(text: string): BuildContext {
  const macros = new Map<string, string>();
  for (const [, argument = ""] of text.matchAll(/^# -D (.*)$/gmu)) {
    const macro = parseMacroArgument(argument);
    if (macro !== undefined) macros.set(macro.name, macro.value);
  }
  return {
    serverName: "mx.example.org",
    interfaces: new Map([
      ["lo", ["127.0.0.1", "::1"]],
      ["eth0", ["192.0.2.25", "2001:db8::25"]],
      ["dummy0", []],
    ]),
    egress: ["eth0"],
    hostAddresses: new Map([["mail.example.org", ["192.0.2.25"]]]),
    enqueueSocketPath: "/run/postrider/enqueue.sock",
    macros,
    compat: /^# --compat opensmtpd$/mu.test(text) ? "opensmtpd" : "none",
    checkRegex,
    checkRegexTable,
  };
}

/** Compares with the golden, or rewrites it; "" is no file. */
function checkGolden(path: string, actual: string): void {
  if (UPDATE && actual === "") rmSync(path, { force: true });
  if (UPDATE && actual !== "") writeFileSync(path, actual);
  const expected = existsSync(path) ? readFileSync(path, "utf8") : "";
  assert.equal(actual, expected);
}

function casesIn(folder: string): readonly string[] {
  return readdirSync(join(FOLDER, folder))
    .filter((file) => file.endsWith(".conf"))
    .map((file) => join(folder, file.slice(0, -".conf".length)))
    .toSorted();
}

function listNotBuilt(config: Config): string {
  return notBuilt(config)
    .map(({ at, what }) => `${formatPlace(at)}: ${what}\n`)
    .join("");
}

for (const name of [...casesIn("."), ...casesIn("wild"), ...casesIn("rogues")]) {
  test(`configuration ${name} means, or is told, what its golden says`, () => {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "utf8");
    const shortName = name.replace(/^.*\//u, "");
    const { config, complaints } = parseConfig(source(shortName, text), context(text));
    const told = complaints.map((complaint) => `${formatComplaint(complaint)}\n`).join("");
    checkGolden(join(FOLDER, `${name}.meaning`), config === undefined ? "" : printConfig(config));
    checkGolden(join(FOLDER, `${name}.complaints`), told);
    checkGolden(
      join(FOLDER, `${name}.not-built`),
      config === undefined ? "" : listNotBuilt(config),
    );
    const places = join(FOLDER, `${name}.places`);
    if (config !== undefined && existsSync(places))
      checkGolden(places, printConfigWithPlaces(config));
    assert.equal(config === undefined, name.startsWith("rogues/"), told);
  });
}

test("printed meaning of each configuration means the same when it is read", () => {
  for (const name of [...casesIn("."), ...casesIn("wild")]) {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "utf8");
    const { config } = parseConfig(source(name, text), context(text));
    assert.ok(config, name);
    for (const print of [printConfig, printConfigWithPlaces]) {
      const printed = print(config);
      const again = parseConfig(source(name, printed), context(""));
      assert.ok(again.config, again.complaints.map(formatComplaint).join("\n"));
      assert.deepEqual(meaningOf(again.config), meaningOf(config), name);
    }
  }
});

test("galleries hold 120 wrong configurations and 80 right ones", () => {
  assert.ok(casesIn("rogues").length >= 120, String(casesIn("rogues").length));
  const right = [...casesIn("."), ...casesIn("wild")].length;
  assert.ok(right >= 80, String(right));
});
