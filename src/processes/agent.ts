/**
 * The agent: writes mail into the mailboxes of one account, gives it to that account's
 * commands, and reads its forward file.
 *
 * Runs as: the recipient, or the account that the action names; never root. With no new
 * privileges, unless the configuration has commands. Holds: the paths of the actions, which it
 * expands itself; a dispatcher only names action, user and addresses. Talks to: dispatchers,
 * and the parent, which it asks for each command, file and mbox. When it dies, the deliveries
 * under way are deferred; what was in `new/` stays delivered.
 */
import { readForwardFile } from "#engine/delivery/forward-file.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import { AgentDeliveries, type AgentWorld } from "./agent-deliveries.ts";
import { AttemptReceiver } from "./attempt-receiver.ts";
import { answerForward } from "./forward-asker.ts";
import type { Joined, RoleSetting, RunningRole, StartRole } from "./role.ts";
import { AGENT_SIDE } from "./shapes.ts";
import { WarrantAsker } from "./warrant-asker.ts";

/** An agent without a dispatcher ends after this long. */
const LONELY_MS = 10_000;
/** Commands may finish for so long when the agent must go; the parent kills it a little later. */
const COMMAND_STOP_MS = 25_000;

export function agentRole(world: AgentWorld): StartRole {
  return async (setting) => startAgent(setting, world);
}

function startAgent(setting: RoleSetting, world: AgentWorld): RunningRole {
  const { ports, parent } = setting;
  const { commands } = world;
  const warrants = new WarrantAsker(ports.clock, (message) => parent.send(message));
  const carrier = new AgentDeliveries(setting, world, warrants);
  const receivers = new Set<AttemptReceiver>();
  let stopping = false;
  let cancelLonely: (() => void) | undefined;

  const finish = (): void => {
    const busy = [...receivers].some((receiver) => receiver.count > 0);
    if (!stopping || busy) return;
    parent.send({ kind: "stopped" });
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
      if (message.kind === "warrant") warrants.answered(message.request, message.warrant);
      if (message.kind !== "shutdown") return;
      stopping = true;
      // A command that outlived its agent would see the end of a message that has not come yet.
      ports.clock.after(COMMAND_STOP_MS, () => commands.stop());
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
