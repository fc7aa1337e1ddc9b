/**
 * The queue of a daemon that is down, as smtpctl(8) shows it: read from its spool, which is
 * not changed. OpenSMTPD's state of such envelopes is `offline`.
 */
import type { ControlRequest } from "#model/ipc/control-link.ts";
import type { Conversed, Reader } from "./smtpctl-conversation.ts";

export interface OfflineQueue {
  /** Undefined: only a daemon could answer. @param spool the folder */
  answer(request: ControlRequest, spool: string, to: Reader): Promise<Conversed | undefined>;
}
