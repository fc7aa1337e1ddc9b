/**
 * Policies of MTA-STS: the text that a domain serves over HTTPS, and what it says of a host.
 *
 * Bounded: MAX_STS_POLICY_BYTES and MAX_STS_HOSTS. Fields that nobody knows are passed over;
 * of one that may stand once the first counts.
 *
 * Source: RFC 8461 §3.2 (grammar), §4.1 (matching).
 */
import { isHostName } from "#protocols/mail/domain.ts";

export const STS_MODES = ["enforce", "testing", "none"] as const;
export type StsMode = (typeof STS_MODES)[number];

export interface StsPolicy {
  readonly mode: StsMode;
  /** Names of exchangers in lower case; `*.` stands for one label. */
  readonly hosts: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 §3.2: a client may have a bound of 64 KiB. */
export const MAX_STS_POLICY_BYTES = 65_536;
/** Of exchangers. Providers with hundreds of hosts have a pattern. */
export const MAX_STS_HOSTS = 256;
/** RFC 8461 §3.2: a year. */
const MAX_STS_AGE_SECONDS = 31_557_600;

const LINE = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$/u;
/** The standard has ten at most; who writes more means for ever. */
const DIGITS = /^\d{1,20}$/u;

/** A string says why it is none. */
export function parseStsPolicy(text: string): StsPolicy | string {
  if (text.length > MAX_STS_POLICY_BYTES) return "it is too long";
  const fields = fieldsOf(text);
  if (fields === undefined) return "a line has no name and value";
  const { once, hosts } = fields;
  if (once.get("version") !== "STSv1") return "its version is not STSv1";
  const mode = STS_MODES.find((each) => each === once.get("mode"));
  if (mode === undefined) return "its mode is unknown";
  const maxAge = once.get("max_age") ?? "";
  if (!DIGITS.test(maxAge)) return "its max_age is no number";
  if (hosts.length > MAX_STS_HOSTS) return `it has more than ${MAX_STS_HOSTS} hosts`;
  if (!hosts.every(isPattern)) return "one of its hosts is no name";
  if (mode !== "none" && hosts.length === 0) return "it has no hosts";
  const maxAgeSeconds = Math.min(Number(maxAge), MAX_STS_AGE_SECONDS);
  return { mode, hosts, maxAgeSeconds };
}

interface Fields {
  /** `mx`, in lower case. */
  readonly hosts: readonly string[];
  /** All others, as they come first. */
  readonly once: ReadonlyMap<string, string>;
}

function fieldsOf(text: string): Fields | undefined {
  const hosts: string[] = [];
  const once = new Map<string, string>();
  const lines = text.split(/\r?\n/u);
  // The standard has no empty lines; files that people write end in some.
  while (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const [, name, value = ""] = LINE.exec(line) ?? [];
    if (name === undefined) return undefined;
    if (name === "mx") hosts.push(value.toLowerCase());
    else if (!once.has(name)) once.set(name, value);
  }
  return { hosts, once };
}

function isPattern(host: string): boolean {
  return isHostName(host.startsWith("*.") ? host.slice(2) : host);
}

/** As a domain would serve it. */
export function stsPolicyLines({ mode, hosts, maxAgeSeconds }: StsPolicy): readonly string[] {
  const exchangers = hosts.map((host) => `mx: ${host}`);
  return ["version: STSv1", `mode: ${mode}`, ...exchangers, `max_age: ${maxAgeSeconds}`];
}

/** Whether the policy has `host` among its exchangers. (RFC 8461 §4.1, RFC 9525 §6.3.) */
export function hasStsHost({ hosts }: StsPolicy, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/u, "");
  const dot = name.indexOf(".");
  return hosts.includes(name) || (dot > 0 && hosts.includes(`*${name.slice(dot)}`));
}
