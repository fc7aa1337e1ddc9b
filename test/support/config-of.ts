/** A configuration from lines of smtpd.conf(5), for tests. */
import assert from "node:assert/strict";
import type { Config } from "#model/config/config.ts";
import { parseConfig } from "#model/config/parse-config.ts";

/** @throws if there is an error in `lines`. */
export function configOf(...lines: readonly string[]): Config {
  const { config, complaints } = parseConfig(
    { file: "smtpd.conf", read: () => `${lines.join("\n")}\n` },
    {
      serverName: "mail.example.org",
      interfaces: new Map([["lo", ["127.0.0.1"]]]),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.ok(config !== undefined, JSON.stringify(complaints));
  return config;
}
