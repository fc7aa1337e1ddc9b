/**
 * What the parts of a simulated disk share: the files that are open on it and the
 * calls about its folders work on the same tree, faults and space.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { DiskOperations } from "./disk-operations.ts";
import type { DiskSpace } from "./disk-space.ts";
import type { DiskTree } from "./disk-tree.ts";
import type { SimRandom } from "./random.ts";

/** What a simulated disk is made of. */
export interface DiskParts {
  readonly clock: Clock;
  readonly random: SimRandom;
  readonly tree: DiskTree;
  readonly operations: DiskOperations;
  readonly space: DiskSpace;
  /** Owner of every file. */
  readonly uid: number;
}
