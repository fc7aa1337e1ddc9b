/**
 * Runs the tests and prints the test runner's own summary: `npm test`.
 *
 *   bin/node tools/run-tests.ts [--interop | --slow] [--goldens] [PATTERN …]
 *
 * Without a pattern: every test but those in test/interop (real peers) and
 * test/slow, which have an option each. `--goldens` sets UPDATE_GOLDENS=1, by which
 * tests write their golden files instead of comparing with them.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { parseArgs } from "node:util";

/** Two cores are what the project counts on; the test runner would take one less than it finds. */
const CONCURRENCY = 2;

const SUITES = {
  fast: {
    include: ["{src,test,tools,bench}/**/*.test.ts"],
    exclude: ["test/interop/**", "test/slow/**"],
  },
  interop: { include: ["test/interop/**/*.test.ts"], exclude: [] },
  slow: { include: ["test/slow/**/*.test.ts"], exclude: [] },
} as const;

const { values, positionals } = parseArgs({
  options: {
    interop: { type: "boolean", default: false },
    slow: { type: "boolean", default: false },
    goldens: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

const suite = values.interop ? SUITES.interop : values.slow ? SUITES.slow : SUITES.fast;
const { include, exclude } = positionals.length > 0 ? { include: positionals, exclude: [] } : suite;
const files = globSync([...include], { exclude: [...exclude] }).toSorted();

if (files.length === 0) {
  console.error(`No tests in ${include.join(" ")}`);
  process.exitCode = 1;
} else {
  // Peers and daemons share ports' attention and two cores: one file at a time.
  const concurrency = values.interop ? 1 : CONCURRENCY;
  const child = spawn(process.execPath, ["--test", `--test-concurrency=${concurrency}`, ...files], {
    stdio: "inherit",
    env: values.goldens ? { ...process.env, UPDATE_GOLDENS: "1" } : process.env,
  });
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
