/**
 * Whether a server is reached at port 25: many providers let nobody out there until they are
 * asked. One connection to a host that the operator names; nothing but a greeting is waited for.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { DEFAULT_SMTP_PORT } from "#model/config/defaults.ts";
import { trySmtp } from "./smtp-try.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

export interface OutgoingParts {
  readonly network: Network;
  readonly clock: Clock;
  readonly resolver: Resolver;
}

/** @param host undefined: nobody is to be connected to. */
export function outgoingCheck(host: string | undefined, parts: OutgoingParts): Check {
  return {
    name: "port-25-out",
    subject: host ?? "",
    look: async () => (host === undefined ? NOBODY : connectTo(host, parts)),
  };
}

const NOBODY: Verdict = unknown(
  "no connection was tried",
  "name a mail server that may be asked: --connect mx.example.net",
);

async function connectTo(
  host: string,
  { network, clock, resolver }: OutgoingParts,
): Promise<Verdict> {
  const answer = await resolver.addresses(host);
  if (answer.kind === "unavailable") return noAnswer(`addresses of ${host}`, answer.cause);
  const [address] = answer.kind === "found" ? answer.value : [];
  if (address === undefined) return unknown(`${host} has no address`, "name another server");
  const tried = await trySmtp({ kind: "tcp", host: address, port: DEFAULT_SMTP_PORT }, [], {
    network,
    clock,
  });
  const at = `${address}, port ${DEFAULT_SMTP_PORT}`;
  const advice = "ask your provider, or the rules of the firewall, whether port 25 is open";
  switch (tried.kind) {
    case "unreachable":
      return fail(`${at}: ${tried.fault.message}`, advice);
    case "silent":
      return warn(
        `${at}: ${tried.why}`,
        "try another server; some turn away whom they do not know",
      );
    case "answered": {
      const { code, lines } = tried.reply;
      const said = `${at}: ${code} ${lines[0] ?? ""}`;
      return code < 300 ? ok(said) : warn(said, "the server takes no mail from this address");
    }
    default:
      return unreachable(tried);
  }
}
