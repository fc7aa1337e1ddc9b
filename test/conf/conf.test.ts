/**
 * Configurations and what they mean, or what is wrong with them.
 *
 * `NAME.conf` stands beside `NAME.meaning` (as `smtpd -n -v` prints it) or
 * `NAME.complaints` (all of the text), or both where there are warnings only. A
 * first line `# -D NAME=VALUE` is an argument. `/etc/mail/…` is the folder files/.
 * `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatComplaint } from "#model/config/complaint.ts";
import type { BuildContext, ConfigSource } from "#model/config/config-source.ts";
import { parseMacroArgument } from "#model/config/config-source.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { printConfig } from "#model/config/print-config.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

/** Reads the case itself under its own name, and `/etc/mail/…` from files/. */
function source(name: string, text: string): ConfigSource {
  const file = `${name}.conf`;
  return {
    file,
    read(path) {
      if (path === file) return text;
      const local = join(FOLDER, "files", path.replace(/^\/etc\/mail\//u, ""));
      if (existsSync(local)) return readFileSync(local, "utf8");
      return { kind: "files-fault", code: "ENOENT", message: "no such file" };
    },
  };
}

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
    enqueueSocketPath: "/run/postrider/enqueue.sock",
    macros,
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

for (const name of [...casesIn("."), ...casesIn("rogues")]) {
  test(`configuration ${name} means, or is told, what its golden says`, () => {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "utf8");
    const shortName = name.replace(/^.*\//u, "");
    const { config, complaints } = parseConfig(source(shortName, text), context(text));
    const told = complaints.map((complaint) => `${formatComplaint(complaint)}\n`).join("");
    const meaning = config === undefined ? "" : printConfig(config);
    checkGolden(join(FOLDER, `${name}.meaning`), meaning);
    checkGolden(join(FOLDER, `${name}.complaints`), told);
    assert.equal(config === undefined, name.startsWith("rogues/"), told);
  });
}

test("printed meaning of each configuration means the same when it is read", () => {
  for (const name of casesIn(".")) {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "utf8");
    const { config } = parseConfig(source(name, text), context(text));
    assert.ok(config, name);
    const printed = printConfig(config);
    const again = parseConfig(source(name, printed), context(""));
    assert.ok(again.config, again.complaints.map(formatComplaint).join("\n"));
    assert.equal(printConfig(again.config), printed, name);
  }
});

test("rogues' gallery holds forty configurations or more", () => {
  assert.ok(casesIn("rogues").length >= 40, String(casesIn("rogues").length));
});
