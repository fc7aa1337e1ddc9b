/** What a child is told before it starts its role: its share of what the parent knows. */
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import type { Slice } from "#model/ipc/parent-link.ts";
import type { RelayBlock } from "#model/relay-report.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import type { CurrentConfig } from "./current-config.ts";
import type { ParentSettings } from "./parent-settings.ts";
import type { Reach } from "./reach.ts";
import type { Role } from "./roles.ts";
import { tlsSlice } from "./slice-tls.ts";

/** What holds for all children that are started now. */
export interface DaemonState {
  readonly current: CurrentConfig;
  readonly material: TlsMaterial;
  readonly reach: Reach;
  readonly verbose: boolean;
  readonly smtpPaused: boolean;
  readonly pausedDeliveries: ReadonlySet<DeliverySubsystem>;
  readonly blocks: readonly RelayBlock[];
}

/** @param index which of several with that role; 0 for the only one. */
export function childSlice(
  role: Role,
  index: number,
  settings: ParentSettings,
  { current, material, reach, verbose, smtpPaused, pausedDeliveries, blocks }: DaemonState,
): Slice {
  const { dispatchers, spool, controlSocket, ownAddresses, maxOpenFiles } = settings;
  return {
    config: current.slice(role),
    tls: tlsSlice(material, role, current.config),
    stapleFolder: role === "lookup" ? reach.stapleFolder : undefined,
    generation: current.generation,
    index,
    dispatchers,
    spool,
    controlSocket,
    verbose,
    paused: smtpPaused ? [...pausedDeliveries, "smtp"] : [...pausedDeliveries],
    blocks: role === "dispatcher" ? blocks : [],
    ownAddresses,
    queueKeys: role === "queue" ? settings.queueKeys : [],
    maxOpenFiles,
  };
}
