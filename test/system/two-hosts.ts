/**
 * Two mail systems that are each other's only correspondent, a.example and b.example,
 * and the traffic from one to the other.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { type SimWorldSettings, SimWorld } from "#world/sim/world.ts";
import { domainRules, type Letter, MailHost, VMAIL } from "./mail-host.ts";

const A = { name: "mail.a.example", address: "192.0.2.1" } as const;
const B = { name: "mail.b.example", address: "192.0.2.2" } as const;

export const B_ENDPOINT: Endpoint = { kind: "tcp", host: B.address, port: 25 };

export interface TwoHosts {
  readonly world: SimWorld;
  readonly a: MailHost;
  readonly b: MailHost;
}

/** Both run; the zone is right. `lines` go before the rules of `a`. */
export async function twoHosts(
  seed: number,
  settings: SimWorldSettings = {},
  lines: readonly string[] = [],
): Promise<TwoHosts> {
  const world = new SimWorld(seed, {
    ...settings,
    zone: {
      mx: {
        "a.example": [{ preference: 10, exchange: A.name }],
        "b.example": [{ preference: 10, exchange: B.name }],
      },
      addresses: { [A.name]: [A.address], [B.name]: [B.address] },
      pointers: { [A.address]: [A.name], [B.address]: [B.name] },
    },
  });
  world.users.set(VMAIL);
  const rulesOfA = [...lines, ...domainRules(A.name, "a.example")];
  const a = await MailHost.make(world, { ...A, rules: rulesOfA });
  const b = await MailHost.make(world, { ...B, rules: domainRules(B.name, "b.example") });
  return { world, a, b };
}

/** A letter that can be told from all others by its subject. */
export function letter(subject: string, bytes = 0): Letter {
  const filler = `${"0123456789abcdef".repeat(4)}\n`.repeat(Math.ceil(bytes / 65));
  return {
    from: "anna@a.example",
    to: ["ben@b.example"],
    text: `Subject: ${subject}\n\nhello\n${filler}`,
  };
}

/** How often each subject is in the mailbox. */
export async function subjects(host: MailHost, user: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const text of await host.mailbox(user)) {
    const subject = /^Subject: (.*?)\r?$/mu.exec(text)?.[1] ?? "none";
    counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}
