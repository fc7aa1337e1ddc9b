/**
 * What the tests of two mail servers with each other ask of either, Postrider or somebody
 * else's: ways in that differ in what they offer, ways out to the other one that differ in
 * what they use, and a folder where mail is kept.
 */
import { writeFileSync } from "node:fs";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { freePort } from "./greeting.ts";
import type { Scratch } from "./scratch.ts";
import { Wire } from "./peer-wire.ts";

/**
 * Ways in of a server, and the ways of the other one to it; not every server has each.
 *
 * - clear: no TLS, and all that it has to offer
 * - modest: as little as it can offer or use: no PIPELINING, no CHUNKING, no 8BITMIME …
 * - starttls, smtps: with TLS, which is required
 * - plain, login, scram: behind STARTTLS, for who logs in by that mechanism
 * - silent: without DSN
 * - small: no message beyond `smallBytes`
 * - lmtp: LMTP, in the clear
 */
export const WAYS = [
  "clear",
  "modest",
  "starttls",
  "smtps",
  "plain",
  "login",
  "scram",
  "silent",
  "small",
  "lmtp",
] as const;

export type Way = (typeof WAYS)[number];
export type Ports = Readonly<Record<Way, number>>;

/** Of other servers; that of Postrider is less, as some have one limit for all ways in. */
export const SMALL_BYTES = 100_000;

/** A mechanism that a way is for. */
export const MECHANISMS = {
  plain: "PLAIN",
  login: "LOGIN",
  scram: "SCRAM-SHA-256",
} as const;

export type LoginWay = keyof typeof MECHANISMS;

export function isLoginWay(way: Way): way is LoginWay {
  return Object.hasOwn(MECHANISMS, way);
}

/** Whoever logs in. */
export const LOGIN = "ann";
export const PASSWORD = "pencil";

/** Every server refuses this local part for good. */
export const UNKNOWN = "unknown";

/** A certificate for localhost and who vouches for it, as paths. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What a server is started with. */
export interface Setup {
  readonly scratch: Scratch;
  readonly certified: Certified;
  /** Where it listens. */
  readonly doors: Ports;
  /** What goes to the other server; all else it keeps. */
  readonly routes: readonly Route[];
}

export interface Route {
  readonly way: Way;
  /** Of the recipients. */
  readonly domain: string;
  readonly port: number;
}

/** A server that runs. */
export interface Party {
  /** Takes mail from anybody for anybody, and offers all that it has. */
  readonly entrance: number;
  /** The limit of the way `small`. */
  readonly smallBytes: number;
  /** A folder in the form of a Maildir. */
  readonly box: string;
  readonly log: () => string;
  /** How its reports give back ENVID and ORCPT, which come in xtext (RFC 3461 §4). */
  readonly echoes: "decoded" | "as they came" | "not at all";
  /** What its log says of a client that has logged in. */
  readonly loggedIn: (mechanism: string) => RegExp;
}

/** Each way of a server to the other one, over a wire. */
export interface Path extends Route {
  readonly wire: Wire;
}

/** @param name of who is there, for the domains. */
export async function pathsTo(scratch: Scratch, name: string): Promise<readonly Path[]> {
  const paths: Path[] = [];
  for (const way of WAYS) {
    const wire = await Wire.open(scratch);
    paths.push({ way, domain: `${way}.${name}.example`, port: wire.port, wire });
  }
  return paths;
}

/** Ports to listen on, to which the wires of `paths` then lead. */
export async function doorsOf(paths: readonly Path[]): Promise<Ports> {
  const doors: [Way, number][] = [];
  for (const { way, wire } of paths) {
    const port = await freePort();
    wire.leadTo(port);
    doors.push([way, port]);
  }
  return Object.fromEntries(doors) as unknown as Ports;
}

/** Written for this run. */
export function certifiedIn({ folder }: Scratch): Certified {
  const authority = certify({ subject: "Authority", isAuthority: true });
  const server = certify({ subject: "localhost", dns: ["localhost"], issuer: authority });
  const { cert, key } = certificateFiles({ folder }, "server", server);
  const ca = `${folder}/ca.crt`;
  writeFileSync(ca, authority.certificate);
  return { cert, key, ca };
}
