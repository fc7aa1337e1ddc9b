/** Replies that stand for a limit, for the log: the client reads the reply, the operator the name. */
import type { Reply } from "#protocols/smtp/reply.ts";
import {
  DECLARED_TOO_BIG,
  MESSAGE_TOO_BIG,
  ROUTING_LOOP,
  TOO_MANY_MAILS,
  TOO_MANY_OF_USER,
  TOO_MANY_RECIPIENTS,
} from "#protocols/smtp/status.ts";
import type { RefusalLimit } from "#model/limit-name.ts";

const LIMITS: ReadonlyMap<Reply, RefusalLimit> = new Map<Reply, RefusalLimit>([
  [TOO_MANY_RECIPIENTS, "recipients"],
  [TOO_MANY_MAILS, "mails"],
  [TOO_MANY_OF_USER, "messages-per-user"],
  [DECLARED_TOO_BIG, "message-size"],
  [MESSAGE_TOO_BIG, "message-size"],
  [ROUTING_LOOP, "received-fields"],
]);

export function limitOf(reply: Reply): RefusalLimit | undefined {
  return LIMITS.get(reply);
}
