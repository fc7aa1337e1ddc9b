/** What a child is told that looks at nothing of it. */
import { NO_TLS_MATERIAL } from "#model/tls-material.ts";
import type { Slice } from "#model/ipc/parent-link.ts";

export const EMPTY_SLICE: Slice = {
  config: new Uint8Array(),
  generation: 0,
  index: 0,
  dispatchers: 1,
  spool: "/spool",
  controlSocket: "/control.sock",
  stapleFolder: undefined,
  verbose: false,
  paused: [],
  blocks: [],
  ownAddresses: [],
  tls: NO_TLS_MATERIAL,
  queueKeys: [],
  maxOpenFiles: 1024,
};
