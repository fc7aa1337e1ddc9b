/** The port of TLS on node:tls. */
import type { SecureContext } from "node:tls";
import type { Tls } from "#base/ports/tls.ts";
import { reasonOf } from "./certificates.ts";
import { connectTls } from "./client-end.ts";
import { ClientSessions } from "./client-sessions.ts";
import { clientContext, serverContext } from "./contexts.ts";
import { fault } from "./facts.ts";
import { acceptTls, type ServerEnd } from "./server-end.ts";

export function nodeTls(): Tls {
  return {
    server(options) {
      const { identities, clients } = options;
      const shown: ServerEnd["shown"][number][] = [];
      for (const identity of identities) {
        try {
          shown.push(serverContext(identity, options));
        } catch (error) {
          return fault("settings", `pki ${identity.name}: ${reasonOf(error)}`);
        }
      }
      if (shown.length === 0) return fault("settings", "there is no certificate to show");
      const end: ServerEnd = { shown, asksClients: clients !== undefined };
      return { accept: (connection, timeoutMs) => acceptTls(connection, end, timeoutMs) };
    },
    client(options) {
      const { asksForName = true } = options;
      let context: SecureContext;
      try {
        context = clientContext(options);
      } catch (error) {
        return fault("settings", reasonOf(error));
      }
      const end = { context, asksForName, sessions: new ClientSessions() };
      return { connect: (connection, asked) => connectTls(connection, end, asked) };
    },
  };
}
