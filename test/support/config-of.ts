/** A configuration from the text of smtpd.conf(5), for tests. */
import assert from "node:assert/strict";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { type ParsedConfig, parseConfig } from "#model/config/parse-config.ts";

/** A machine with nothing but the loopback interface. */
const MACHINE: BuildContext = {
  serverName: "mail.example.org",
  interfaces: new Map([["lo", ["127.0.0.1"]]]),
  enqueueSocketPath: "/run/enqueue.sock",
  macros: new Map(),
};

/** What there is besides the text. */
export interface Surroundings {
  /** Name of the file with the text; `smtpd.conf` if it matters to nobody. */
  readonly file?: string;
  /** Texts of the files that can be read, by path; others are not there. */
  readonly files?: Readonly<Record<string, string>>;
  /** In what the machine is another one. */
  readonly machine?: Partial<BuildContext>;
}

export function parsedText(text: string, surroundings: Surroundings = {}): ParsedConfig {
  const { file = "smtpd.conf", files = {}, machine = {} } = surroundings;
  const missing = { kind: "files-fault", code: "ENOENT", message: "no such file" } as const;
  const read = (path: string) => (path === file ? text : (files[path] ?? missing));
  return parseConfig({ file, read }, { ...MACHINE, ...machine });
}

/** @throws if there is an error in `text`. */
export function configOfText(text: string, surroundings: Surroundings = {}): Config {
  const { config, complaints } = parsedText(text, surroundings);
  assert.ok(config !== undefined, complaints.map(formatComplaint).join("\n"));
  return config;
}

/** @throws if there is an error in `lines`. */
export function configOf(...lines: readonly string[]): Config {
  return configOfText(`${lines.join("\n")}\n`);
}
