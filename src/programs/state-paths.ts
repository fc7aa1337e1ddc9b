/**
 * Where the daemon keeps its state, and where its sockets are.
 *
 * `--state DIR` (or POSTRIDER_STATE) puts everything under one folder. Without it
 * root has the system's places, and anyone else `.postrider` in the checkout; of an
 * installed package all have the system's.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CHECKOUT, IS_INSTALLED } from "./checkout.ts";

export interface StatePaths {
  /** The state folder: root's, as nobody may exchange what is in it. */
  readonly state: string;
  readonly spool: string;
  /** Mail of local programs that waits for a daemon; mode 1733. */
  readonly offline: string;
  /** Responses of OCSP, which can be fetched again: lookup's, who may not enter the spool. */
  readonly staples: string;
  /** smtpctl(8) asks here; mode 0600, in a folder of mode 0700. */
  readonly controlSocket: string;
  /** Local programs hand in mail here; mode 0666. */
  readonly enqueueSocket: string;
}

const SYSTEM: StatePaths = {
  state: "/var/spool/postrider",
  spool: "/var/spool/postrider/queue",
  offline: "/var/spool/postrider/offline",
  staples: "/var/cache/postrider/ocsp",
  controlSocket: "/run/postrider/private/control.sock",
  enqueueSocket: "/run/postrider/enqueue.sock",
};

/** The paths of the state folder that was asked for, or of the one that `uid` has by default. */
export function statePaths(stateFolder: string | undefined, uid: number): StatePaths {
  if (stateFolder === undefined && (uid === 0 || IS_INSTALLED)) return SYSTEM;
  const state = stateFolder === undefined ? join(CHECKOUT, ".postrider") : resolve(stateFolder);
  return {
    state,
    spool: join(state, "spool"),
    offline: join(state, "offline"),
    staples: join(state, "ocsp"),
    controlSocket: join(state, "private", "control.sock"),
    enqueueSocket: join(state, "enqueue.sock"),
  };
}

/**
 * The paths of the daemon that a program of `uid` hands mail to: the system's, unless another
 * state folder is named, or this user has one of his own in the checkout.
 */
export function submissionPaths(stateFolder: string | undefined, uid: number): StatePaths {
  const own = statePaths(stateFolder, uid);
  if (stateFolder !== undefined || ownerOf(own.state) === uid) return own;
  return SYSTEM;
}

function ownerOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.uid;
}
