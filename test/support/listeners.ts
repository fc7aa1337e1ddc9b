/** A listener with the defaults of smtpd.conf(5), for tests that have no configuration. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Listener } from "#model/config/listener.ts";

export function listenerAt(endpoint: Endpoint, fields: Partial<Listener> = {}): Listener {
  return {
    at: { file: "smtpd.conf", line: 1, column: 1 },
    places: {},
    endpoint,
    socketMode: 0o666,
    socketUser: undefined,
    socketGroup: undefined,
    tls: { mode: "none" },
    auth: { mode: "none" },
    tag: "",
    hostname: "mx.example",
    hostnames: undefined,
    senders: undefined,
    filters: [],
    maskSource: false,
    receivedAuth: false,
    noDsn: false,
    proxy: undefined,
    xclient: undefined,
    protocol: "smtp",
    ...fields,
  };
}
