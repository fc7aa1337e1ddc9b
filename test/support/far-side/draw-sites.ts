/**
 * Draws a world of servers from a seed: domains with one to three exchangers each, some of
 * them good, some with troubles that pass or do not; greylists; names that lead nowhere; and a
 * hub behind credentials, for the domains below `via.example`.
 */
import type { SimRandom } from "#world/sim/random.ts";
import type { HostPlan, Naming, SitePlan } from "./far-side.ts";
import type { Greylist } from "./mailboxes.ts";
import { drawTrouble, type Pace } from "./trouble.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Of virtual time. Whoever is slow is so for less time than a client waits. */
const PACE: Pace = {
  slowMs: 100_000,
  dripMs: 2000,
  lastsMs: [10 * MINUTE_MS, 2 * HOUR_MS, 24 * HOUR_MS, Infinity],
};

export const HUB = "hub.example";
const HUB_DOMAINS: readonly string[] = ["a.via.example", "b.via.example"];
const MAX_SITES = 4;
const MAX_HOSTS = 3;
const MAX_TROUBLES = 3;
const EXTENSIONS: readonly string[] = ["PIPELINING", "SIZE 10000000", "8BITMIME", "DSN"];
/** Shorter than the first wait of a relay, and longer. */
const GREYLIST_MS: readonly [number, ...number[]] = [5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS];

export function drawSites(random: SimRandom): readonly SitePlan[] {
  const sites: SitePlan[] = [];
  for (let number = 1 + random.below(MAX_SITES); number > 0; number--)
    sites.push(drawSite(random, number));
  sites.push({
    domains: HUB_DOMAINS,
    naming: { kind: "named" },
    hosts: [{ ...drawHost(random, HUB, 80), speaksTls: true, addresses: ["192.0.2.100"] }],
    greylist: drawGreylist(random),
  });
  if (random.chance(20)) sites.push(drawLostSite(random));
  return sites.map((site) => ({ ...site, hosts: site.hosts.map(withAuth) }));
}

function drawSite(random: SimRandom, number: number): SitePlan {
  const domain = `d${number}.example`;
  const count = 1 + random.below(MAX_HOSTS);
  const hosts = Array.from({ length: count }, (_, at) => {
    // Of several the first is bad more often than not.
    const host = drawHost(random, `mx${at}.${domain}`, at === 0 ? 75 : 40);
    return {
      ...host,
      addresses: drawAddresses(random, 10 * number + at),
      preference: random.pick([10, 10 * at]),
    };
  });
  return { domains: [domain], naming: drawNaming(random), hosts, greylist: drawGreylist(random) };
}

/** Of one family, or of both. */
function drawAddresses(random: SimRandom, last: number): HostPlan["addresses"] {
  const [ipv4, ipv6] = [`192.0.2.${last}`, `2001:db8::${last}`];
  return random.pick([[ipv4], [ipv6], [ipv4, ipv6], [ipv6, ipv4]]);
}

function drawLostSite(random: SimRandom): SitePlan {
  const kind = random.pick(["absent", "null-mx", "no-address"]);
  return { domains: [`${kind}.example`], naming: { kind }, hosts: [], greylist: undefined };
}

function drawNaming(random: SimRandom): Naming {
  if (!random.chance(10)) return { kind: "named" };
  return { kind: "failing", lastsMs: random.pick(PACE.lastsMs) };
}

function drawGreylist(random: SimRandom): Greylist | undefined {
  return random.chance(25) ? { delayMs: random.pick(GREYLIST_MS) } : undefined;
}

/** @param badPercent how often of a hundred times there is something wrong with it. */
function drawHost(random: SimRandom, name: string, badPercent: number): HostPlan {
  const troubles = random.chance(badPercent) ? 1 + random.below(MAX_TROUBLES) : 0;
  return {
    name,
    preference: 10,
    addresses: [""],
    port: 25,
    troubles: Array.from({ length: troubles }, () => drawTrouble(random, PACE)),
    extensions: EXTENSIONS.filter(() => random.chance(60)),
    isWordy: random.chance(30),
    speaksTls: random.chance(50),
  };
}

function withAuth(host: HostPlan): HostPlan {
  return host.name === HUB ? { ...host, extensions: [...host.extensions, "AUTH PLAIN"] } : host;
}
