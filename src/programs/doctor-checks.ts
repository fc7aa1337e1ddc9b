/** All checks of `smtpctl doctor`, in the order in which they are shown. */
import { dirname } from "node:path";
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import type { Http } from "#base/ports/http.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Config } from "#model/config/config.ts";
import { SETTINGS } from "#model/config/defaults.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import { checkConfig } from "#policy/check/check-config.ts";
import { type Finding, worstOf } from "#policy/check/finding.ts";
import { daneChecks } from "#engine/doctor/dane.ts";
import { domainChecks } from "#engine/doctor/domain-records.ts";
import { nameChecks } from "#engine/doctor/names.ts";
import { neededAddresses, type Rehearse, rootOf } from "#engine/doctor/needed-addresses.ts";
import { openRelayChecks } from "#engine/doctor/open-relay.ts";
import { outgoingCheck, type OutgoingServer } from "#engine/doctor/outgoing.ts";
import { ownNames, publicAddresses, servedDomains } from "#engine/doctor/own-names.ts";
import {
  diskCheck,
  offlineCheck,
  pathCheck,
  quarantineCheck,
  type StateParts,
  userCheck,
} from "#engine/doctor/state-checks.ts";
import { type Check, fail, ok, unknown, type Verdict, warn } from "#engine/doctor/verdict.ts";
import type { KernelClock } from "#world/node/kernel-clock.ts";
import { programsOf } from "./check-accounts.ts";
import { checkOutside } from "./check-outside.ts";
import { certificateChecks, chainFor } from "./doctor-certificates.ts";
import { ownedPaths } from "./doctor-paths.ts";
import type { ReadChosen } from "./file-choice.ts";
import type { DoctorArguments } from "./smtpctl-doctor-arguments.ts";
import type { StatePaths } from "./state-paths.ts";
import type { Surroundings } from "./surroundings.ts";

/** RFC 6376, RFC 5280: signatures and certificates count in minutes. */
const MAX_CLOCK_ERROR_MS = 60_000;

export interface DoctorParties {
  readonly clock: Clock;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly http: Pick<Http, "get">;
  readonly files: Files;
  readonly listed: StateParts["listed"];
  readonly world: Surroundings;
  /** Who asks, and would start the daemon. */
  readonly userName: string;
  readonly read: ReadChosen;
  readonly pathsOf: (stateFolder: string | undefined) => StatePaths;
  readonly rehearsalOf: (config: Config) => Rehearse;
  readonly kernelClock: () => Promise<Lookup<KernelClock>>;
  /** Whether a daemon answers. */
  readonly daemon: (stateFolder: string | undefined) => Promise<Verdict>;
}

export async function doctorChecks(
  args: DoctorArguments,
  parties: DoctorParties,
): Promise<readonly Check[]> {
  const { choice } = args;
  const complaints: string[] = [];
  const config = await parties.read(choice, (complaint) => complaints.push(complaint));
  const paths = parties.pathsOf(choice.stateFolder);
  return [
    one("daemon", "", () => parties.daemon(choice.stateFolder)),
    one("configuration", choice.file, async () =>
      config === undefined
        ? fail(firstLine(complaints), `smtpd -n -f ${choice.file}`)
        : judgeFindings(await findingsOf(config, args, parties), choice.file),
    ),
    one("clock", "", async () => judgeClock(await parties.kernelClock())),
    ...hostChecks(paths, config, args, parties),
    ...(config === undefined ? [] : configChecks(config, args, parties)),
    outgoingCheck(outgoingServer(config, args, parties), parties),
  ];
}

/** Whoever asks for no DNS wants nobody to be asked. */
function outgoingServer(
  config: Config | undefined,
  { connect, dns }: DoctorArguments,
  { rehearsalOf }: DoctorParties,
): OutgoingServer {
  if (connect !== undefined) return { kind: "named", host: connect };
  if (config === undefined || !dns) return { kind: "nobody" };
  return { kind: "next-hop", address: rootOf(config.serverName), rehearse: rehearsalOf(config) };
}

function one(name: string, subject: string, look: () => Promise<Verdict>): Check {
  return { name, subject, look };
}

function hostChecks(
  paths: StatePaths,
  config: Config | undefined,
  { choice }: DoctorArguments,
  { files, listed, world, userName }: DoctorParties,
): readonly Check[] {
  const { users } = world.accounts;
  const parts: StateParts = { files, listed, users };
  const isRoot = world.uid === 0;
  return [
    diskCheck(paths.spool, config?.maxMessageBytes ?? SETTINGS.maxMessageBytes.default, parts),
    quarantineCheck(paths.spool, parts),
    offlineCheck(paths.offline, parts),
    userCheck(DAEMON_USERS, isRoot, users),
    ...ownedPaths(paths, choice.file, userName).map((path) => pathCheck(path, parts)),
  ];
}

function configChecks(
  config: Config,
  args: DoctorArguments,
  parties: DoctorParties,
): readonly Check[] {
  const { world, resolver, http, network, clock } = parties;
  const rehearse = parties.rehearsalOf(config);
  const served = servedDomains(config);
  const domains = args.domains.length > 0 ? args.domains : served.domains;
  const own = world.ownAddresses;
  const addresses = args.addresses.length > 0 ? args.addresses : publicAddresses(own);
  const names = ownNames(config);
  const selectors = [...new Set([...args.selectors, ...selectorsIn(config)])];
  const inDns = [
    ...nameChecks({ serverName: config.serverName, names, addresses }, resolver),
    ...domains.flatMap((domain) =>
      domainChecks(domain, { resolver, http, names, addresses, selectors }),
    ),
    ...daneChecks(names, resolver, async (name) => chainFor(name, config, world)),
  ];
  return [
    ...certificateChecks(config, world),
    domainsCheck(domains, args.domains.length > 0 ? [] : served.leftOut),
    ...neededAddresses(domains, config.serverName, rehearse),
    ...openRelayChecks({
      config,
      domain: domains[0],
      ownAddresses: own,
      network,
      clock,
      rehearse,
    }),
    ...(args.dns ? inDns : [{ name: "dns", subject: "", look: async () => NOT_ASKED }]),
  ];
}

const NOT_ASKED: Verdict = unknown("the DNS was not to be asked");

function domainsCheck(domains: readonly string[], leftOut: readonly string[]): Check {
  const look = async (): Promise<Verdict> => {
    if (leftOut.length > 0)
      return unknown(leftOut.join("; "), "name the domains that count with --domain");
    if (domains.length === 0)
      return warn(
        "no rule takes mail of others for any domain",
        "write one, or name it with --domain",
      );
    return ok(domains.join(", "));
  };
  return { name: "domains", subject: "", look };
}

/** `-s` of OpenSMTPD's filter-dkimsign. */
function selectorsIn(config: Config): readonly string[] {
  return programsOf(config).flatMap(({ command }) => {
    if (!/\bfilter-dkimsign\b/u.test(command)) return [];
    return Array.from(
      command.matchAll(/(?<= )-s *([A-Za-z0-9._-]{1,63})/gu),
      ([, name = ""]) => name,
    );
  });
}

async function findingsOf(
  config: Config,
  { choice }: DoctorArguments,
  parties: DoctorParties,
): Promise<readonly Finding[]> {
  const { world } = parties;
  const { enqueueSocket } = parties.pathsOf(choice.stateFolder);
  const paths = { folders: [dirname(enqueueSocket)], files: [choice.file] };
  return [
    ...(await checkConfig(config, world.accounts.users, world.read)),
    ...(await checkOutside(config, world, paths)),
  ];
}

function judgeFindings(findings: readonly Finding[], file: string): Verdict {
  const first = worstOf(findings);
  if (first === undefined) return ok("nothing is wrong with it");
  const tell = first.severity === "error" ? fail : warn;
  const more = findings.length > 1 ? `, and ${findings.length - 1} more` : "";
  return tell(`${first.at.file}:${first.at.line}: ${first.message}${more}`, `smtpd -n -f ${file}`);
}

function judgeClock(clock: Lookup<KernelClock>): Verdict {
  if (clock.kind !== "found")
    return unknown(clock.kind === "absent" ? "the kernel does not tell" : clock.cause.message);
  const advice = "run chrony, ntpd or systemd-timesyncd";
  const { isKept, maxErrorMs } = clock.value;
  if (!isKept) return warn("nobody keeps the clock right, as far as the kernel knows", advice);
  if (maxErrorMs > MAX_CLOCK_ERROR_MS)
    return warn(`the clock may be wrong by ${Math.round(maxErrorMs / 1000)} s`, advice);
  return ok(`kept right, to ${Math.ceil(maxErrorMs)} ms or better`);
}

function firstLine(complaints: readonly string[]): string {
  return complaints[0]?.split("\n")[0] ?? "it cannot be used";
}
