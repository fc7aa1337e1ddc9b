/**
 * What may become of a checkpoint between two runs. None of it may cost anything: the
 * journal has all that a checkpoint says.
 */
import type { SimDisk } from "#world/sim/disk.ts";
import type { SimRandom } from "#world/sim/random.ts";
import { SPOOL_FOLDER } from "./spool-scenario.ts";

const CHECKPOINT = `${SPOOL_FOLDER}/checkpoint`;
/** Checkpoints that are kept to come back: older than segments that are gone. */
const MAX_KEPT = 8;

/** Often nothing; else the checkpoint is lost, damaged, cut short, or an old one is back in its place. */
export async function harmCheckpoint(
  disk: SimDisk,
  random: SimRandom,
  earlier: Uint8Array[],
): Promise<void> {
  const files = disk.files();
  if (!(await files.list(SPOOL_FOLDER)).includes("checkpoint")) return;
  const bytes = disk.bytesOf(CHECKPOINT);
  if (bytes.length === 0) return;
  if (earlier.length < MAX_KEPT) earlier.push(bytes);
  const put = harmed(bytes, random, earlier);
  if (put === "as it is") return;
  await files.unlink(CHECKPOINT);
  if (put !== "missing") disk.plantFile(CHECKPOINT, put);
  await files.syncFolder(SPOOL_FOLDER);
}

function harmed(
  bytes: Uint8Array,
  random: SimRandom,
  earlier: readonly Uint8Array[],
): Uint8Array | "as it is" | "missing" {
  const at = random.below(bytes.length);
  const harm = random.pick(["none", "none", "lost", "damaged", "cut short", "an old one"]);
  if (harm === "none") return "as it is";
  if (harm === "damaged") return bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
  if (harm === "cut short") return bytes.slice(0, at);
  const old = harm === "an old one" ? earlier[random.below(earlier.length)] : undefined;
  return old ?? "missing";
}
