/**
 * What reading a configuration costs: files of 10,000 lines, from text to frozen meaning.
 *
 *     bin/node bench/config.ts
 *
 * "first" is what smtpd pays at start, in a process that has read nothing yet; "best" is
 * a reload. Each kind of file has a process of its own.
 */
import { spawnSync } from "node:child_process";
import { formatComplaint } from "#model/config/complaint.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { parseConfig } from "#model/config/parse-config.ts";

const LINES = 10_000;
const ROUNDS = 15;

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([["lo", ["127.0.0.1"]]]),
  enqueueSocketPath: "/run/enqueue.sock",
  macros: new Map(),
};

const HEAD = ["compat none", "listen on socket", "listen on lo tag WORLD"];
const TAIL = ["action out relay", "match from local for any action out"];

/** Files as people write them, and the ones that cost most a line. */
const FILES: Readonly<Record<string, (index: number) => string>> = {
  "comments and empty lines, one rule in four": (index) =>
    [
      "# What the next rule is for, and who asked for it when.",
      "",
      `action a${index} maildir "/srv/mail/${index}/%{user.username}" user vmail ttl 2d`,
      `match from any for domain d${index}.example action a${index - 1}`,
    ][index % 4] ?? "",
  "rules with lists": (index) =>
    `match from src { 192.0.2.0/24, 2001:db8::/32 } for domain { d${index}.example, "*.e.example" } action out`,
  "relays by host": (index) =>
    `action a${index} relay host "smtp+tls://mx${index}.example.net:587" helo h${index}.example ttl 2d`,
  "an action, a table and a rule in turn": (index) =>
    [
      `action a${index} lmtp "/run/lmtp/${index}.sock" rcpt-to user vmail`,
      `table t${index} { a${index}.example, "*.b${index}.example" }`,
      `match from any for domain <t${index - 1}> action a${index - 2}`,
    ][index % 3] ?? "",
  "one table": (index) => (index === 0 ? "table t {" : `\t"user${index}@example.org" = u${index},`),
};

const [, , chosen] = process.argv;
if (chosen === undefined) {
  console.log(`files of ${LINES} lines          first     best of ${ROUNDS}`);
  for (const name of Object.keys(FILES))
    spawnSync(process.execPath, [import.meta.filename, name], { stdio: "inherit" });
} else {
  measure(chosen);
}

function measure(name: string): void {
  const text = fileOf(name);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const { config, complaints } = parseConfig({ file: "bench", read: () => text }, CONTEXT);
    times.push(performance.now() - start);
    if (config === undefined)
      throw new Error(complaints.slice(0, 3).map(formatComplaint).join("\n"));
  }
  const [first = 0] = times;
  const figures = [first, Math.min(...times)].map((ms) => `${ms.toFixed(0).padStart(5)} ms`);
  console.log(`${name.padEnd(44)} ${figures.join("  ")}`);
}

function fileOf(name: string): string {
  const lineAt = FILES[name] ?? (() => "");
  const body = Array.from({ length: LINES - HEAD.length - TAIL.length }, (_, index) =>
    lineAt(index),
  );
  // A list has no comma before its brace.
  if (name === "one table") body.splice(-1, 1, '\t"last" = last }');
  return [...HEAD, ...body, ...TAIL].join("\n");
}
