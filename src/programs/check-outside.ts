/**
 * What `smtpd -n` checks outside of the configuration: accounts, programs, sockets,
 * addresses, files, certificates. Nothing is opened that could keep it waiting, and DNS
 * is not asked.
 */
import type { Config } from "#model/config/config.ts";
import type { Finding } from "#policy/check/finding.ts";
import { accountFaults } from "./check-accounts.ts";
import { certificateFaults } from "./check-certificates.ts";
import { ownFileFaults, pathFaults } from "./check-paths.ts";
import { queueKeyFaults } from "./check-queue-keys.ts";
import type { Surroundings } from "./surroundings.ts";

export interface OwnPaths {
  /** Folders that the daemon makes before it listens. */
  readonly folders: readonly string[];
  /** Files that the configuration was read from. */
  readonly files: readonly string[];
}

export async function checkOutside(
  config: Config,
  world: Surroundings,
  { folders, files }: OwnPaths,
): Promise<readonly Finding[]> {
  return [
    ...(await accountFaults(config, world.accounts, world.uid === 0)),
    ...(await pathFaults(config, world, folders)),
    ...(await certificateFaults(config, world)),
    ...(await queueKeyFaults(config, world)),
    ...(await ownFileFaults(config, world, files)),
  ];
}
