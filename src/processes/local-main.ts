/** The process that says who is at a UNIX-domain socket (local.ts). */
import type { LocalDoor } from "#base/ports/local-door.ts";
import { nodeLocalDoor } from "#world/node/local-door.ts";
import { loadPeerUid } from "#world/node/peer-credentials.ts";
import type { InheritedSockets } from "./inherited-sockets.ts";
import { localRole } from "./local.ts";
import { runRole } from "./role-process.ts";

runRole("local", (inherited) => localRole(() => openDoor(inherited)));

async function openDoor(inherited: Promise<InheritedSockets>): Promise<LocalDoor | string> {
  try {
    return nodeLocalDoor((await inherited).descriptors, await loadPeerUid());
  } catch (error) {
    return `who connects cannot be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}
