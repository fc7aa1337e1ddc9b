/**
 * What the target of `listen on` stands for: the addresses of an interface, of a
 * group of them, or one that is written out.
 *
 * `all` and `egress` are interface groups of OpenBSD, which files for other systems
 * use as well: here `all` is every address of the machine, `egress` those of the
 * interfaces that have a default route. `lo0` and `lo` are the loopback interface
 * where it has another name. A host name is looked up under `compat opensmtpd` alone:
 * nooSMTPD has dropped that, since what a resolver says at start decides where a
 * server is reachable.
 *
 * Source: OpenSMTPD parse.y (host, interface, host_dns).
 */
import { isLoopback, parseIpAddress } from "#base/ip-address.ts";
import type { ComplaintList } from "./complaint.ts";
import type { Settings } from "./config.ts";
import type { BuildContext } from "./config-source.ts";
import { isRootedName } from "./host-name.ts";
import type { Statement, Word } from "./syntax.ts";

/**
 * The loopback addresses, on every system. RFC 6761 §6.3: `localhost` needs no look-up;
 * OpenSMTPD's default file has `lo0` on one system and `localhost` on another.
 */
const LOOPBACK_NAMES: readonly string[] = ["localhost", "lo0", "lo"];

interface AddressScope {
  readonly context: BuildContext;
  readonly settings: Settings;
  readonly complaints: ComplaintList;
}

/** In the form in which they can be bound; none, with a complaint, if there are none. */
export function listenAddresses(
  name: Word,
  family: "inet4" | "inet6" | undefined,
  scope: AddressScope,
): readonly string[] {
  const addresses = lookUp(name, scope);
  if (addresses.length === 0 || family === undefined) return addresses;
  const ofFamily = addresses.filter((text) => text.includes(":") === (family === "inet6"));
  if (ofFamily.length === 0)
    scope.complaints.error(name.at, `${name.text} has no ${family} address`);
  return ofFamily;
}

/** The names that `listen on` would look up, and has no addresses of. */
export function hostNamesIn(
  statements: readonly Statement[],
  { interfaces, hostAddresses }: BuildContext,
): readonly string[] {
  const names = new Set<string>();
  for (const statement of statements) {
    if (statement.kind !== "listen" || statement.target.kind !== "address") continue;
    const { text } = statement.target.name;
    const isKnown = interfaces.has(text) || hostAddresses?.has(text) === true;
    const isGroup = ["all", "egress", ...LOOPBACK_NAMES].includes(text);
    if (!isKnown && !isGroup && parseIpAddress(text) === undefined && canBeLookedUp(text))
      names.add(text);
  }
  return [...names];
}

function lookUp(name: Word, { context, settings, complaints }: AddressScope): readonly string[] {
  const { text, at } = name;
  const { interfaces } = context;
  const ofInterface = interfaces.get(text);
  const all = [...new Set([...interfaces.values()].flat())];
  if (ofInterface !== undefined) {
    if (ofInterface.length === 0)
      complaints.error(
        at,
        `invalid virtual ip or interface: ${text}`,
        "this interface has no address",
      );
    return ofInterface;
  }
  if (text === "all") return all;
  if (text === "egress") return egressAddresses(name, context, complaints);
  if (LOOPBACK_NAMES.includes(text)) {
    const loopback = all.filter(isLoopbackText);
    return loopback.length > 0 ? loopback : ["127.0.0.1"];
  }
  if (parseIpAddress(text) !== undefined) return [text.replace(/^\[(?:ipv6:)?(.*)\]$/iu, "$1")];
  return addressesOfHost(name, { context, settings, complaints });
}

function egressAddresses(
  { at }: Word,
  { interfaces, egress }: BuildContext,
  complaints: ComplaintList,
): readonly string[] {
  const addresses = (egress ?? []).flatMap((name) => interfaces.get(name) ?? []);
  if (addresses.length > 0) return [...new Set(addresses)];
  complaints.error(
    at,
    egress === undefined
      ? "cannot tell which interfaces have a default route"
      : "no interface has a default route: nothing is 'egress'",
    "write an address, an interface or 'all'",
  );
  return [];
}

function addressesOfHost({ text, at }: Word, scope: AddressScope): readonly string[] {
  const { context, settings, complaints } = scope;
  const isName = canBeLookedUp(text) && text.includes(".");
  if (settings.compat === "opensmtpd") {
    const addresses = context.hostAddresses?.get(text) ?? [];
    if (addresses.length === 0)
      complaints.error(at, `invalid virtual ip or interface: ${text}`, "the name has no address");
    return addresses;
  }
  if (isName)
    complaints.difference(
      at,
      `host names are not looked up, nothing listens on ${text}`,
      "write an address, an interface or 'all', or 'compat opensmtpd' on a line of its own",
    );
  else
    complaints.error(
      at,
      `invalid virtual ip or interface: ${text}`,
      portHint(text) ?? "write an address, an interface or 'all'; host names are not looked up",
    );
  return [];
}

/** `192.0.2.1:25` is how other programs have it. */
function portHint(text: string): string | undefined {
  const [, host, port] = /^([^:]+|\[.*\]):([0-9]+)$/u.exec(text) ?? [];
  return host && port && `write '${host.replace(/[[\]]/gu, "")} port ${port}'`;
}

/** Digits alone are an address that was mistyped. */
function canBeLookedUp(text: string): boolean {
  return isRootedName(text) && /[a-z]/iu.test(text);
}

function isLoopbackText(text: string): boolean {
  const address = parseIpAddress(text);
  return address !== undefined && isLoopback(address);
}
