/** Over which transport mail went, by the events of its relay; and exchangers on other ports than 25. */
import type { Network } from "#base/ports/network.ts";
import type { Event } from "#model/events.ts";

const SMTP_PORT = 25;

/** "proven": the server showed that it is the one that is meant. */
export function transportOf(events: readonly Event[]): "proven" | "encrypted" | "clear" {
  const check = events.find((event) => event.kind === "mta-cert-check");
  if (check?.kind !== "mta-cert-check") return "clear";
  return check.verified ? "proven" : "encrypted";
}

/** What is at port 25 of an address is at `port` of it. */
export function withSmtpAt(port: number, network: Network): Network {
  return {
    listen: (endpoint, accept) => network.listen(endpoint, accept),
    connect: (endpoint, options) =>
      network.connect(
        endpoint.kind === "tcp" && endpoint.port === SMTP_PORT ? { ...endpoint, port } : endpoint,
        options,
      ),
  };
}
