/**
 * The control process: answers smtpctl(8) on the control socket.
 *
 * Runs as: `_smtpc`, under Node's permission model: no file, no program. Holds:
 * the control socket (0600: whoever can open it may do everything), and requests on
 * their way. Talks to: the parent and the queue, in bounded frames, with the number
 * of each request. When it dies, smtpctl cannot be used until it is back; mail is
 * not affected.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { Control } from "./control.ts";
import type { PagedRequest } from "#model/ipc/control-link.ts";
import type { Channel } from "./channel.ts";
import { ChannelAsker } from "./control-asker.ts";
import type { RoleSetting, RunningRole } from "./role.ts";
import { CONTROL_CLIENT_SIDE } from "./shapes.ts";

export async function startControlRole(setting: RoleSetting): Promise<RunningRole | string> {
  const { ports, slice } = setting;
  const queue = new ChannelAsker("queue");
  const parent = new ChannelAsker("parent");
  parent.attach({ send: (request) => setting.parent.send({ kind: "control", request }) });
  const control = new Control({ queue, parent }, ports.clock);
  const endpoint: Endpoint = { kind: "unix", path: slice.controlSocket };
  const listening = await ports.network.listen(endpoint, (client) => control.accept(client));
  if ("code" in listening) return listening.message;
  let current: Channel<PagedRequest> | undefined;
  return {
    joined(sibling) {
      const channel = sibling.open(CONTROL_CLIENT_SIDE);
      queue.attach({
        send: (request) => channel.send(request),
        page: (request) => channel.send(request),
      });
      current = channel;
      channel.start({
        message: (answer) => queue.answer(answer),
        closed: () => {
          if (current === channel) queue.detach();
        },
      });
    },
    parentSays(message) {
      if (message.kind === "control") parent.answer(message.answer);
      if (message.kind !== "shutdown") return;
      listening.close();
      control.close();
      setting.end();
    },
  };
}
