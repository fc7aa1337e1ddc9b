import assert from "node:assert/strict";
import { test } from "node:test";
import { floorFaults } from "./check-floors.ts";

interface Case {
  readonly name: string;
  readonly path: string;
  readonly source: string;
  readonly fault?: string;
}

const SPOOL = "src/engine/spool/journal.ts";

const CASES: readonly Case[] = [
  { name: "allows a file of the same folder", path: SPOOL, source: 'import { a } from "./a.ts";' },
  {
    name: "allows a lower floor",
    path: SPOOL,
    source: 'import type { Clock } from "#base/ports/clock.ts";',
  },
  {
    name: "refuses a higher floor",
    path: SPOOL,
    source: 'import { a } from "#engine/server/a.ts";',
    fault: `${SPOOL}:1: #engine/server/a.ts: is above engine/spool`,
  },
  {
    name: "refuses a climb",
    path: SPOOL,
    source: 'import {\n  a,\n  b,\n} from "../server/a.ts";',
    fault: `${SPOOL}:1: ../server/a.ts: climbs: write #folder/file.ts`,
  },
  {
    name: "refuses a re-export",
    path: SPOOL,
    source: '\nexport * from "./a.ts";',
    fault: `${SPOOL}:2: ./a.ts: is re-exported: import the file that has the thing`,
  },
  {
    name: "refuses a barrel",
    path: "src/base/index.ts",
    source: "",
    fault: "src/base/index.ts: is a barrel: name a file for its subject",
  },
  {
    name: "refuses a folder without a floor",
    path: "src/engine/cellar/a.ts",
    source: "",
    fault: "src/engine/cellar/a.ts: its folder is not in tools/floors.ts",
  },
  {
    name: "refuses a Node module that reaches outside",
    path: SPOOL,
    source: 'import { readFileSync } from "node:fs";',
    fault: `${SPOOL}:1: node:fs: readFileSync reaches outside: use a port`,
  },
  {
    name: "allows the pure part of a Node module",
    path: SPOOL,
    source: 'import { crc32 } from "node:zlib";',
  },
  {
    name: "refuses the other part of it",
    path: SPOOL,
    source: 'import { crc32, gzip } from "node:zlib";',
    fault: `${SPOOL}:1: node:zlib: gzip reaches outside: use a port`,
  },
  {
    name: "allows a floor that reaches outside",
    path: "src/world/node/files.ts",
    source: 'import { openSync } from "node:fs";\nsetTimeout(() => undefined, 1);',
  },
  {
    name: "refuses the clock of the process",
    path: SPOOL,
    source: "const at = Date.now();",
    fault: `${SPOOL}:1: Date.now: reaches outside the process: use a port`,
  },
  {
    name: "does not take a comment, a text or a member for the clock",
    path: SPOOL,
    source: 'const a = "Date.now()"; // Date.now()\nthis.process.run();',
  },
  {
    name: "refuses a package that no folder owns",
    path: SPOOL,
    source: 'import { a } from "@left/pad/b";',
    fault: `${SPOOL}:1: @left/pad/b: no folder owns this package (tools/floors.ts)`,
  },
  {
    name: "allows a test its packages, its modules and the simulated world",
    path: "src/engine/spool/journal.test.ts",
    source:
      'import { test } from "node:test";\nimport fc from "fast-check";\nimport { SimClock } from "#world/sim/clock.ts";',
  },
  {
    name: "refuses a program the simulated world",
    path: "src/programs/smtpd.ts",
    source: 'import { SimClock } from "#world/sim/clock.ts";',
    fault: "src/programs/smtpd.ts:1: #world/sim/clock.ts: only tests import it",
  },
];

for (const c of CASES) {
  test(`the floor check ${c.name}`, () => {
    assert.deepEqual(floorFaults(c.path, c.source), c.fault === undefined ? [] : [c.fault]);
  });
}
