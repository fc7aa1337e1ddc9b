/**
 * The agent: writes mail into the mailboxes of one account, and reads its forward file.
 *
 * Runs as: the recipient, or the account that the action names; never root.
 * Holds: the paths of the actions, which it expands itself; a dispatcher only
 * names action, user and addresses. Talks to: dispatchers. When it dies, the
 * deliveries under way are deferred; what was in `new/` stays delivered.
 */
import { withGroupedFolderSync } from "#engine/delivery/grouped-folder-sync.ts";
import { readForwardFile } from "#engine/delivery/forward-file.ts";
import { deliverMaildir, type Mailbox, type MaildirPorts } from "#engine/delivery/maildir.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import { expandFormat, type FormatValues } from "#policy/expand/format.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { answerForward } from "./forward-asker.ts";
import type { Joined, RoleSetting, RunningRole } from "./role.ts";
import { AGENT_SIDE } from "./shapes.ts";

/** An agent without a dispatcher ends after this long. */
const LONELY_MS = 10_000;

export async function startAgent(setting: RoleSetting): Promise<RunningRole | string> {
  const { ports } = setting;
  const maildirs: MaildirPorts = { ...ports, files: withGroupedFolderSync(ports.files) };
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
    cancelLonely = ports.clock.after(LONELY_MS, () => {
      if (receivers.size > 0) return;
      stopping = true;
      finish();
    });
  };
  const carrier: Carrier = { attempt: (task) => deliverAll(setting, maildirs, task) };
  const forwards: ForwardFiles = { read: (action) => forwardFileOf(setting, action) };

  wait();
  return {
    joined(dispatcher: Joined) {
      const channel = dispatcher.open(AGENT_SIDE);
      const receiver = new AttemptReceiver((reply) => channel.send(reply), carrier, finish);
      receivers.add(receiver);
      channel.start({
        message(request) {
          if (request.kind !== "forward-wanted") receiver.request(request);
          else void answerForward(forwards, request, (answer) => channel.send(answer));
        },
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

/** A dispatcher cannot have a file read that the configuration does not ask for. */
async function forwardFileOf(setting: RoleSetting, action: string): Promise<ForwardFile> {
  const configured = setting.config.actions.get(action);
  if (configured === undefined || !readsForwardFile(configured))
    return { kind: "unavailable", why: "the action has no forward-file" };
  return readForwardFile(setting.ports.files, setting);
}

async function deliverAll(
  setting: RoleSetting,
  maildirs: MaildirPorts,
  task: DeliveryTask,
): Promise<readonly DeliveryResult[]> {
  const results: DeliveryResult[] = [];
  for (const envelope of task.envelopes) {
    const mailbox = mailboxOf(setting, task.message, envelope);
    results.push(
      "outcome" in mailbox
        ? mailbox
        : await deliverMaildir(maildirs, mailbox, { ...task, envelope }),
    );
  }
  return results;
}

/** Where the action puts this envelope, or why nowhere. */
function mailboxOf(
  setting: RoleSetting,
  message: Message,
  envelope: Envelope,
): Mailbox | DeliveryResult {
  const action = setting.config.actions.get(envelope.action);
  if (action?.kind !== "maildir") return refusal(envelope, "No such local action");
  const path = expandFormat(action.path, valuesOf(setting, message, envelope));
  if (typeof path !== "string") return failure(envelope, path.reason);
  return { path, hostname: setting.hostname };
}

/** The configuration may be put right: the delivery is tried again. */
function refusal({ evpid }: Envelope, diagnostic: string): DeliveryResult {
  return { evpid, outcome: "deferred", status: "4.3.5", diagnostic, remote: "" };
}

/** It is what the addresses hold that makes no path, and that does not change. */
function failure({ evpid }: Envelope, reason: string): DeliveryResult {
  const diagnostic = `No mailbox can have this address: ${reason}`;
  return { evpid, outcome: "failed", status: "5.1.1", diagnostic, remote: "" };
}

function valuesOf(setting: RoleSetting, message: Message, envelope: Envelope): FormatValues {
  return {
    sender: message.reversePath,
    rcpt: envelope.forwardPath,
    dest: envelope.destination,
    username: envelope.transport.kind === "mda" ? envelope.transport.user : "",
    directory: setting.home,
    subAddressDelimiter: setting.config.subAddressDelimiter,
  };
}
