/** What a configuration needs to know of the machine that it is read on. */
import { readdirSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import type { FilesFault } from "#model/config/config-source.ts";
import { defaultRouteInterfaces } from "./default-routes.ts";
import { readTextFile } from "./text-files.ts";

/** Where the system does not say: Linux's default. */
const DEFAULT_MAX_OPEN_FILES = 1024;
const MAILNAME_FILE = "/etc/mail/mailname";

/** First line of /etc/mail/mailname, else the host name (smtpd.conf(5)). */
export function serverName(): string {
  const mailname = readTextFile(MAILNAME_FILE);
  const line = typeof mailname === "string" ? mailname.split("\n")[0]?.trim() : undefined;
  return line === undefined || line === "" ? hostname().toLowerCase() : line.toLowerCase();
}

/** Addresses that can be bound, by interface. Link-local IPv6 needs its zone to be bound. */
export function interfaces(): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, readonly string[]>();
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const texts = (addresses ?? []).map(({ address, scopeid }) =>
      scopeid === undefined || scopeid === 0 ? address : `${address}%${name}`,
    );
    byName.set(name, texts);
  }
  return byName;
}

/** Interfaces with a default route; undefined where the system does not tell. */
export function egressInterfaces(): readonly string[] | undefined {
  const route = readTextFile("/proc/net/route");
  const ipv6Route = readTextFile("/proc/net/ipv6_route");
  if (typeof route !== "string" && typeof ipv6Route !== "string") return undefined;
  return defaultRouteInterfaces(textOrNothing(route), textOrNothing(ipv6Route));
}

/** Every address of the machine: what `local` means in rules. */
export function ownAddresses(): readonly string[] {
  return [...interfaces().values()].flat();
}

/** Descriptors that a process may have. Node has raised its soft limit to the hard one. */
export function maxOpenFiles(): number {
  const limits = readTextFile("/proc/self/limits");
  const soft = typeof limits === "string" && /^Max open files +(\d+) /m.exec(limits)?.[1];
  return typeof soft === "string" ? Number(soft) : DEFAULT_MAX_OPEN_FILES;
}

/** Descriptors that this process has. Where the system does not say: none, and what is too much fails. */
export function openFiles(): number {
  try {
    // One of them is for the look itself.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return 0;
  }
}

function textOrNothing(text: string | FilesFault): string {
  return typeof text === "string" ? text : "";
}
