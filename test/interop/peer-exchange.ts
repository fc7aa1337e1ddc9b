/**
 * Postrider and another mail server exchange mail, each way, row by row of the matrix.
 * Each is started once for all of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHECKS, type Exchange } from "./peer-checks.ts";
import { type Direction, type Row, ROWS, type Server, whyNot } from "./peer-matrix.ts";
import {
  certifiedIn,
  doorsOf,
  type Party,
  type Path,
  pathsTo,
  type Setup,
  type Way,
} from "./peer-party.ts";
import { startPostrider } from "./peer-postrider.ts";
import { Scratch } from "./scratch.ts";

const LOG_END_CHARACTERS = 4000;

export function testExchange(
  name: Server,
  skip: string | false,
  start: (setup: Setup) => Promise<Party>,
): void {
  test(`Postrider and ${name} exchange mail`, { skip }, async (t) => {
    await using scratch = new Scratch();
    const directions = await meet(scratch, start);
    for (const [direction, exchange] of Object.entries(directions))
      for (const row of ROWS) {
        const reason = whyNot(row, `${direction as Direction} ${name}`);
        await t.test(`${direction} ${name}: ${row}`, { skip: reason ?? false }, () =>
          check(row, exchange),
        );
      }
  });
}

/** What failed is told with the last words of both. */
async function check(row: Row, exchange: Exchange): Promise<void> {
  try {
    await CHECKS[row](exchange);
  } catch (cause) {
    const { from, to } = exchange;
    const logs = [from, to].map(({ log }) => log().slice(-LOG_END_CHARACTERS)).join("\n----\n");
    throw new Error(`${String(cause)}\n${logs}`, { cause });
  }
}

async function meet(
  scratch: Scratch,
  start: (setup: Setup) => Promise<Party>,
): Promise<Readonly<Record<Direction, Exchange>>> {
  const certified = certifiedIn(scratch);
  // All that is held first: what is free then may be taken for it.
  const there = await pathsTo(scratch, "there");
  const back = await pathsTo(scratch, "back");
  const [theirs, ours] = [await doorsOf(there), await doorsOf(back)];
  const postrider = await startPostrider({ scratch, certified, doors: ours, routes: there });
  const peer = await start({ scratch, certified, doors: theirs, routes: back });
  return {
    to: { from: postrider, to: peer, path: (way) => pathOf(there, way) },
    from: { from: peer, to: postrider, path: (way) => pathOf(back, way) },
  };
}

function pathOf(paths: readonly Path[], way: Way): Path {
  return paths.find((path) => path.way === way) ?? assert.fail(`there is no way ${way}`);
}
