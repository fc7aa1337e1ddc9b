/**
 * Runs the tests and prints the test runner's own summary: `npm test`.
 *
 *   bin/node tools/run-tests.ts [--interop] [--goldens] [PATTERN …]
 *
 * Without a pattern: every test but those in test/interop, which need real peers and have an
 * option. A pattern is a glob, a folder, or how the paths of files begin: `src/engine/spool`,
 * `test/conf/man`. `--goldens` sets UPDATE_GOLDENS=1, by which tests write their golden files
 * instead of comparing with them.
 */
import { globSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { testsOf } from "./test-files.ts";

/** Two cores are what the project counts on; the test runner would take one less than it finds. */
const CONCURRENCY = 2;

const COMPILE_CACHE: string = new URL("../node_modules/.cache/postrider/compiled", import.meta.url)
  .pathname;

const LONG_FOLDERS: readonly string[] = ["test/crash/", "src/engine/spool/", "test/system/"];

const SUITES = {
  fast: {
    include: ["{src,test,tools,bench,fuzz}/**/*.test.ts"],
    exclude: ["test/interop/**"],
  },
  interop: { include: ["test/interop/**/*.test.ts"], exclude: [] },
} as const;

const { values, positionals } = parseArgs({
  options: {
    interop: { type: "boolean", default: false },
    goldens: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

const suite = values.interop ? SUITES.interop : SUITES.fast;
const { include, exclude } = suite;
const suiteFiles = globSync([...include], { exclude: [...exclude] });
const found =
  positionals.length > 0
    ? positionals.map((pattern) => ({ pattern, files: testsOf(pattern, suiteFiles) }))
    : [{ pattern: include.join(" "), files: suiteFiles }];
const files = [...new Set(found.flatMap((each) => each.files))];
const vain = found.filter((each) => each.files.length === 0);

if (vain.length > 0) {
  console.error(`No tests in ${vain.map(({ pattern }) => pattern).join(" ")}`);
  process.exitCode = 1;
} else {
  // Each file is a process of its own: what it loads is stripped and compiled once, not once for each.
  process.env["NODE_COMPILE_CACHE"] ??= COMPILE_CACHE;
  if (values.goldens) process.env["UPDATE_GOLDENS"] = "1"; // for the processes of the files
  const events = run({
    files: files.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)),
    // Daemons and peers share ports and two cores: one at a time.
    concurrency: values.interop ? 1 : CONCURRENCY,
  });
  events.on("test:fail", (event) => {
    if (event.todo === undefined || event.todo === false) process.exitCode = 1;
  });
  await pipeline(events, new spec(), process.stdout, { end: false });
}

/** The longest first, so that no core waits for it at the end. */
function rank(file: string): number {
  const at = LONG_FOLDERS.findIndex((folder) => file.startsWith(folder));
  return at === -1 ? LONG_FOLDERS.length : at;
}
