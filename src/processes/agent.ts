/**
 * The agent: writes mail into the mailboxes of one account.
 *
 * Runs as: the recipient, or the account that the action names; never root.
 * Holds: the paths of the actions, which it expands itself; a dispatcher only
 * names action, user and addresses. Talks to: dispatchers. When it dies, the
 * deliveries under way are deferred; what was in `new/` stays delivered.
 */
import { deliverMaildir } from "#engine/delivery/maildir.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import { expandFormat, type FormatValues } from "#policy/expand/format.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { deferAll } from "./attempt-sender.ts";
import type { Joined, RoleSetting, RunningRole } from "./role.ts";
import { AGENT_SIDE } from "./shapes.ts";

/** An agent without a dispatcher ends after this long. */
const LONELY_MS = 10_000;

export async function startAgent(setting: RoleSetting): Promise<RunningRole | string> {
  const receivers = new Set<AttemptReceiver>();
  let stopping = false;
  let cancelLonely: (() => void) | undefined;

  const finish = (): void => {
    const busy = [...receivers].some((receiver) => receiver.count > 0);
    if (!stopping || busy) return;
    setting.parent.send({ kind: "stopped" });
    setting.end();
  };
  const wait = (): void => {
    cancelLonely?.();
    cancelLonely = setting.ports.clock.after(LONELY_MS, () => {
      if (receivers.size > 0) return;
      stopping = true;
      finish();
    });
  };
  const carrier: Carrier = {
    async attempt(task) {
      const results = await deliverAll(setting, task);
      if (stopping) setting.ports.defer(finish);
      return results;
    },
  };

  wait();
  return {
    joined(dispatcher: Joined) {
      const channel = dispatcher.open(AGENT_SIDE);
      const receiver = new AttemptReceiver((reply) => channel.send(reply), carrier);
      receivers.add(receiver);
      channel.start({
        message: (request) => receiver.request(request),
        closed: () => {
          receiver.lost();
          receivers.delete(receiver);
          wait();
        },
      });
    },
    parentSays(message) {
      if (message.kind !== "shutdown") return;
      stopping = true;
      finish();
    },
  };
}

async function deliverAll(
  setting: RoleSetting,
  task: DeliveryTask,
): Promise<readonly DeliveryResult[]> {
  const results: DeliveryResult[] = [];
  for (const envelope of task.envelopes) results.push(await deliverOne(setting, task, envelope));
  return results;
}

async function deliverOne(
  setting: RoleSetting,
  task: DeliveryTask,
  envelope: Envelope,
): Promise<DeliveryResult> {
  const action = setting.config.actions.get(envelope.action);
  const [deferred] = deferAll({ envelopes: [envelope] }, "4.3.5", "No such local action");
  if (deferred === undefined) throw new TypeError("Cannot defer: no envelope");
  if (action?.kind !== "maildir") return deferred;
  const path = expandFormat(action.path, valuesOf(setting, task.message, envelope));
  if (typeof path !== "string") return { ...deferred, diagnostic: path.reason };
  return deliverMaildir(
    setting.ports,
    { path, hostname: setting.hostname },
    { message: task.message, envelope, text: task.text },
  );
}

function valuesOf(setting: RoleSetting, message: Message, envelope: Envelope): FormatValues {
  return {
    sender: message.reversePath,
    rcpt: envelope.forwardPath,
    dest: envelope.destination,
    username: envelope.transport.kind === "mda" ? envelope.transport.user : "",
    directory: setting.home,
  };
}
