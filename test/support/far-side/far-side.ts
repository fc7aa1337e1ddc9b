/**
 * A world of servers to relay to, made of plans: domains, their exchangers, and what is wrong
 * with each. Replies, misdeeds and copies of all of them are in one log.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { MxRecord } from "#base/ports/resolver.ts";
import type { TlsServer } from "#base/ports/tls.ts";
import type { SimRandom } from "#world/sim/random.ts";
import { type FarEndpoint, FarHost } from "./far-host.ts";
import { FarLog } from "./far-log.ts";
import { type Greylist, Mailboxes } from "./mailboxes.ts";
import type { Trouble } from "./trouble.ts";

/** Whether and how something leads to the servers of a domain. */
export type Naming =
  | { readonly kind: "named" }
  /** Its name servers fail for a time, from the start of the world on. */
  | { readonly kind: "failing"; readonly lastsMs: number }
  /** It does not exist, takes no mail (RFC 7505), or names an exchanger that has no address. */
  | { readonly kind: "absent" | "null-mx" | "no-address" };

export interface HostPlan {
  readonly name: string;
  readonly preference: number;
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  readonly troubles: readonly Trouble[];
  readonly extensions: readonly string[];
  readonly isWordy: boolean;
  readonly speaksTls: boolean;
}

/** The domains share its hosts and its mailboxes. */
export interface SitePlan {
  readonly domains: readonly string[];
  readonly naming: Naming;
  readonly hosts: readonly HostPlan[];
  readonly greylist: Greylist | undefined;
}

/** A domain that mail is sent to. */
export interface FarDomain {
  readonly name: string;
  readonly naming: Naming;
  /** As in its plan. */
  readonly hosts: readonly FarHost[];
  readonly mx: readonly MxRecord[];
}

export interface FarSidePorts {
  readonly clock: Clock;
  readonly random: SimRandom;
  /** What a host of this name speaks TLS with. */
  readonly tlsOf: (name: string) => TlsServer;
}

export class FarSide {
  readonly log: FarLog = new FarLog();
  readonly domains: readonly FarDomain[];
  readonly hosts: readonly FarHost[];
  readonly #ports: FarSidePorts;

  constructor(plans: readonly SitePlan[], ports: FarSidePorts) {
    this.#ports = ports;
    this.domains = plans.flatMap((plan) => this.#site(plan));
    this.hosts = [...new Set(this.domains.flatMap(({ hosts }) => hosts))];
  }

  /** @throws {RangeError} if it is no address at one of them. */
  domain(forwardPath: string): FarDomain {
    const name = forwardPath.slice(forwardPath.indexOf("@") + 1);
    const domain = this.domains.find((each) => each.name === name);
    if (domain === undefined) throw new RangeError(`Cannot find ${name}`);
    return domain;
  }

  get openSessions(): number {
    return this.hosts.reduce((sum, { openSessions }) => sum + openSessions, 0);
  }

  #site({ domains, naming, hosts: plans, greylist }: SitePlan): readonly FarDomain[] {
    const mailboxes = new Mailboxes(greylist);
    const hosts = plans.map((plan) => this.#host(plan, mailboxes));
    const mx = plans.map(({ preference, name }) => ({ preference, exchange: name }));
    return domains.map((name) => ({ name, naming, hosts, mx }));
  }

  #host(plan: HostPlan, mailboxes: Mailboxes): FarHost {
    const { clock, random, tlsOf } = this.#ports;
    const { name, port, troubles, extensions, isWordy, speaksTls } = plan;
    const [first, ...others] = plan.addresses;
    const endpointAt = (host: string): FarEndpoint => ({ kind: "tcp", host, port });
    const tls = speaksTls ? tlsOf(name) : undefined;
    return new FarHost(
      {
        name,
        endpoints: [endpointAt(first), ...others.map(endpointAt)],
        troubles,
        extensions,
        isWordy,
        mailboxes,
        tls,
      },
      { clock, random: random.fork(name), log: this.log },
    );
  }
}
