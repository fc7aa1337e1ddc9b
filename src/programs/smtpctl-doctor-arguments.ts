/** The command line of `smtpctl doctor`. Source: smtpctl(8). */
import { isIP, SocketAddress } from "node:net";
import { MAX_CHECKED_DOMAINS } from "#engine/doctor/own-names.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { Form } from "#model/ipc/control-link.ts";
import { type CommandLine, readOptionsAlone, type WrongArguments, wrong } from "./command-line.ts";
import { chooseFile, FILE_OPTIONS, type FileChoice } from "./file-choice.ts";
import { DEFAULT_CONFIG_FILE } from "./smtpd-options.ts";

export const DOCTOR_USAGE: string =
  "usage: smtpctl doctor [--domain name] [--selector name] [--address ip] [--connect host]\n" +
  "               [--no-dns] [--json] [-f file] [-D name=value] [--compat opensmtpd] [--state dir]\n";

const OPTIONS = {
  ...FILE_OPTIONS,
  address: { type: "string", multiple: true },
  connect: { type: "string" },
  domain: { type: "string", multiple: true },
  f: { type: "string", short: "f" },
  json: { type: "boolean", default: false },
  "no-dns": { type: "boolean", default: false },
  selector: { type: "string", multiple: true },
} as const;

/** Each is asked for each domain. */
const MAX_SELECTORS = 8;
const MAX_ADDRESSES = 8;
const SELECTOR = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/u;

export interface DoctorArguments {
  readonly kind: "arguments";
  readonly choice: FileChoice;
  /** Instead of those that the rules name; empty: those. */
  readonly domains: readonly string[];
  readonly selectors: readonly string[];
  /** Instead of this machine's own; empty: those. */
  readonly addresses: readonly string[];
  /** The one host that may be connected to. */
  readonly connect: string | undefined;
  readonly dns: boolean;
  readonly form: Form;
}

/** @param args without the word `doctor`. */
export function parseDoctorArguments(args: readonly string[]): DoctorArguments | WrongArguments {
  const line = readOptionsAlone(args, OPTIONS);
  return line.kind === "wrong" ? line : read(line.values);
}

function read(values: CommandLine<typeof OPTIONS>["values"]): DoctorArguments | WrongArguments {
  const { domain: domains = [], selector: selectors = [], address: addresses = [] } = values;
  const { connect, json, f = DEFAULT_CONFIG_FILE } = values;
  const fault =
    amiss("domain", domains, { most: MAX_CHECKED_DOMAINS, isOne: isHostName }) ??
    amiss("selector", selectors, { most: MAX_SELECTORS, isOne: (text) => SELECTOR.test(text) }) ??
    amiss("address", addresses, { most: MAX_ADDRESSES, isOne: isAddress }) ??
    amiss("connect", connect === undefined ? [] : [connect], { most: 1, isOne: isServer });
  if (fault !== undefined) return wrong(fault);
  const choice = chooseFile(f, values);
  if (typeof choice === "string") return wrong(choice);
  return {
    kind: "arguments",
    choice,
    domains: domains.map((name) => name.toLowerCase()),
    selectors,
    addresses: addresses.map(asTheDnsHasIt),
    connect,
    dns: !values["no-dns"],
    form: json ? "json" : "text",
  };
}

/** With a zone it would be one of this link, which the DNS knows nothing of. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Addresses are compared with those of the DNS, as text. */
function asTheDnsHasIt(address: string): string {
  return new SocketAddress({ address, family: isIP(address) === 6 ? "ipv6" : "ipv4" }).address;
}

function isServer(text: string): boolean {
  return isIP(text) !== 0 || isHostName(text);
}

/** A string says what is wrong with the values of an option. */
function amiss(
  option: string,
  given: readonly string[],
  { most, isOne }: { readonly most: number; readonly isOne: (text: string) => boolean },
): string | undefined {
  if (given.length > most) return `--${option} is given more than ${most} times`;
  const bad = given.find((each) => !isOne(each));
  return bad === undefined ? undefined : `--${option} cannot be '${bad}'`;
}
