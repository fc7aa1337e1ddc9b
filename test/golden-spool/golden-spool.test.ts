/**
 * Spools of each format that a release wrote, opened by this program: nothing in them is
 * lost or altered, also where a checkpoint is of a format that is not read any more. NAME.txt
 * says what is in the spool NAME, as a person would.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { Spool, StoredEnvelope, StoredMessage } from "#engine/spool/spool.ts";
import type { Event } from "#model/events.ts";
import { mail, readAll } from "#test/crash/mail.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { GOLDEN_KEY } from "./write.ts";

const FOLDER: string = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";
const FORMATS: readonly string[] = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** A copy of a golden spool, so that opening it changes nothing here. */
function diskWith(format: string): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  const from = `${FOLDER}/${format}`;
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const target = `/spool/${path.slice(from.length + 1)}`;
    disk.plantFolder(dirname(target));
    disk.plantFile(target, readFileSync(path));
  }
  return disk;
}

async function open(disk: SimDisk, events: Event[] = []): Promise<Spool> {
  const opened = await openJournalSpool({
    files: disk.files(),
    clock: new SimClock(),
    random: simRandom(9),
    observe: (event) => events.push(event),
    folder: "/spool",
    textCacheBytes: 0,
    keys: new Keyring([undefined, GOLDEN_KEY]),
    reserveBytes: 0,
  });
  assert.ok(opened.kind === "opened", opened.kind === "unusable" ? opened.reason : "");
  return opened.spool;
}

for (const format of FORMATS) {
  test(`a spool of ${format} is read whole`, async () => {
    const events: Event[] = [];
    const spool = await open(diskWith(format), events);
    const found = await allRecovered(spool);
    const golden = `${FOLDER}/${format}.txt`;
    if (UPDATE) writeFileSync(golden, described(found));
    assert.equal(described(found), readFileSync(golden, "utf8"));
    for (const { message } of found) {
      const number = Number.parseInt(message.msgid, 16);
      const { text } = mail(number, { textBytes: message.textBytes });
      assert.deepEqual(await readAll(spool.text(message.msgid).chunks()), text, message.msgid);
    }
    const damages = events.filter(({ kind }) => kind === "spool-damage");
    assert.equal(damages.length, 1, "the torn tail alone");
    const warned = events.flatMap((event) => (event.kind === "warning" ? [event.text] : []));
    // A checkpoint of an earlier format is passed over, and the journal read.
    const isEarlier = format.startsWith("format-3");
    assert.deepEqual(
      warned,
      isEarlier ? ["The checkpoint of the spool is not used: format 3"] : [],
    );
  });

  test(`a spool of ${format} is gone on with, and says the same at the next start`, async () => {
    const disk = diskWith(format);
    const spool = await open(disk);
    const found = await allRecovered(spool);
    await spool.close();
    const again = await open(disk);
    assert.deepEqual(sorted(await allRecovered(again)), sorted(found));
    await again.close();
  });
}

function sorted(found: readonly StoredMessage[]): readonly StoredMessage[] {
  return found.toSorted((one, other) => (one.message.msgid < other.message.msgid ? -1 : 1));
}

function described(found: readonly StoredMessage[]): string {
  return `${found.map(messageLines).toSorted().join("\n")}\n`;
}

function messageLines({ message, envelopes }: StoredMessage): string {
  const { msgid, reversePath, origin, textBytes } = message;
  const head = `${msgid} from <${reversePath}>, ${origin.kind} ${origin.hostname} [${origin.address}]`;
  return [`${head}, ${textBytes} bytes`, ...envelopes.map(envelopeLine)].join("\n");
}

function envelopeLine({ envelope, ...state }: StoredEnvelope): string {
  const { evpid, forwardPath, action, transport, rule, trail, ttlMs } = envelope;
  const user = transport.kind === "mda" ? ` ${transport.user}` : "";
  const by = trail.map(({ source, key }) => ` via ${source} ${key}`.trimEnd()).join("");
  const held = state.held ? ", held" : "";
  const tried =
    state.lastResult === undefined
      ? "never tried"
      : `tried ${state.retryCount} times, last at ${state.lastTryAtMs}, next at ${state.nextTryAtMs}: ` +
        `${state.lastResult.remote} ${state.lastResult.status} ${state.lastResult.diagnostic}`;
  const way = `${action} ${transport.kind}${user} by ${rule}${by}, for ${ttlMs} ms`;
  return `  ${evpid} to <${forwardPath}>, ${way}: ${tried}${held}`;
}
