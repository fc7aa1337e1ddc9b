/**
 * Who is at the other end of a UNIX-domain socket, as the system says: SO_PEERCRED.
 *
 * It is who connected, whatever became of the process since, and of what it handed the
 * socket to. Node has no getsockopt(2), and keeps the descriptor of a socket inside: this file
 * and its test are the only places that know. A native addon is outside Node's permission
 * model, so one process alone loads it, which does nothing else.
 *
 * Source: unix(7), SO_PEERCRED; socket(7).
 */
import type { Socket } from "node:net";

/** asm-generic/socket.h: the same on x86-64 and arm64. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12;
const UID_OFFSET = 4;

/** The uid behind a socket; undefined if the system does not say. */
export type PeerUid = (socket: Socket) => number | undefined;

/** @throws if the addon or the C library cannot be loaded. */
export async function loadPeerUid(): Promise<PeerUid> {
  const { default: koffi } = await import("koffi");
  const getsockopt = koffi
    .load("libc.so.6")
    .func(
      "int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)",
    );
  const ucred = Buffer.alloc(UCRED_BYTES);
  return (socket) => {
    const fd = descriptorOf(socket);
    if (fd === undefined) return undefined;
    const length = [UCRED_BYTES];
    const status: unknown = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length);
    return status === 0 && length[0] === UCRED_BYTES ? ucred.readUInt32LE(UID_OFFSET) : undefined;
  };
}

/** Undefined of one that has gone. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as {
    readonly _handle: { readonly fd: number } | null;
  };
  return handle !== null && handle.fd >= 0 ? handle.fd : undefined;
}
