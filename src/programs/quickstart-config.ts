/** The configuration of the quickstart: every recipient is a Maildir here, and nothing is relayed. */
import { join } from "node:path";

export function quickstartConfig(
  state: string,
  { socket, port, user }: { readonly socket: string; readonly port: string; readonly user: string },
): string {
  return `# Made by "npm start" each time it runs; copy it to a file of your own to change it.
listen on 127.0.0.1 port ${port}
listen on socket "${socket}"

action "mailbox" maildir "${join(state, "mail")}/%{dest.user}" user "${user}"

match from any for any action "mailbox"
`;
}
