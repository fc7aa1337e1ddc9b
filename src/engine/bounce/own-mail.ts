/** What all mail has in common that this server writes itself: where it comes from, and its envelopes. */
import type { Random } from "#base/ports/random.ts";
import type { Envelope, Origin } from "#model/envelope.ts";
import { randomEvpid } from "#model/ids.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";

/** This server, seen as a local client. */
export function ownOrigin(serverName: string): Origin {
  return {
    kind: "internal",
    address: "local",
    hostname: "localhost",
    fcrdns: "pass",
    helo: serverName,
    tag: "",
    username: "",
    tls: undefined,
  };
}

/** An envelope for each way that was planned for `forwardPath`. */
export function ownEnvelopes(
  random: Random,
  of: Pick<Envelope, "forwardPath" | "terms"> & { readonly msgid: string },
  planned: readonly PlannedEnvelope[],
): readonly Envelope[] {
  const { msgid, forwardPath, terms } = of;
  const taken = new Set<string>();
  return planned.map((plan) => {
    let evpid = randomEvpid(random, msgid);
    while (taken.has(evpid)) evpid = randomEvpid(random, msgid);
    taken.add(evpid);
    return { ...plan, evpid, forwardPath, terms };
  });
}
