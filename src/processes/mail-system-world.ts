/**
 * What a mail system in one process has of the world, and what stands in for what it is not given.
 */
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Commands } from "#base/ports/commands.ts";
import type { Files } from "#base/ports/files.ts";
import type { Http } from "#base/ports/http.ts";
import type { Network } from "#base/ports/network.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import type { TableFiles } from "#base/ports/table-files.ts";
import type { Tls } from "#base/ports/tls.ts";
import type { Users, UsersByUid } from "#base/ports/users.ts";
import { NO_TLS_SOURCE, type TlsSource } from "./tls-source.ts";

/** What a part of the system has of the world. */
export interface PartPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly network: Network;
  /** On the connections of `network`; without it no listener may have TLS. */
  readonly tls?: Tls;
  readonly files: Files;
  /** kill -9: nothing that it has begun goes on, and nothing reaches it any more. */
  kill(): void;
}

export interface MailSystemWorld {
  readonly users: Users & UsersByUid;
  /** Who the clients of UNIX-domain sockets are; without it nobody knows. */
  readonly localUid?: number;
  /** Without it no command can be run. */
  readonly commands?: Commands;
  /** Of `db:` tables; without it none of them can be read. */
  readonly tableFiles?: TableFiles;
  /** Without it no password can be checked. */
  readonly hashing?: PasswordHashing;
  /** Of the users of the system; without it none of theirs. */
  readonly systemPasswords?: SystemPasswords;
  /** Certificates and keys; without it there are none. */
  readonly tlsSource?: TlsSource;
  /** To ask responders of OCSP; without it they are not there. */
  readonly http?: Http;
  /** To check what responders answer; without it nothing is signed. */
  readonly signatures?: Signatures;
  /** Ports of their own for the parent and for each child that is started. */
  startPart(): PartPorts;
}

/** With something for all that a role may ask of it. */
export type WholeWorld = Required<Omit<MailSystemWorld, "localUid">> &
  Pick<MailSystemWorld, "localUid">;

export function wholeWorld(world: MailSystemWorld): WholeWorld {
  return {
    commands: NO_COMMANDS,
    tableFiles: NO_TABLE_FILES,
    hashing: NO_HASHING,
    systemPasswords: NO_SYSTEM_PASSWORDS,
    tlsSource: NO_TLS_SOURCE,
    http: NO_HTTP,
    signatures: NO_SIGNATURES,
    ...world,
  };
}

/** Without what is the parent's, or a child's own. */
export function portsOnly(ports: PartPorts): Omit<PartPorts, "kill" | "network"> {
  const { clock, random, resolver, files } = ports;
  return { clock, random, resolver, files };
}

const NO_COMMANDS: Commands = {
  run: async () => ({ kind: "not-started", cause: new Error("there are no commands here") }),
  stop: () => undefined,
};

export const NO_TLS: Tls = {
  server: () => ({ kind: "tls-fault", why: "settings", message: "there is no TLS here" }),
  client: () => ({
    async connect(connection) {
      connection.destroy();
      return { kind: "tls-fault", why: "settings", message: "there is no TLS here" };
    },
  }),
};

const NO_TABLE_FILES: TableFiles = {
  table(path) {
    const cause = new Error(`${path}: there are no files of tables here`);
    return {
      lookupAny: () => ({ kind: "unavailable", cause }),
      keysAfter: () => ({ kind: "unavailable", cause }),
      fault: () => cause,
      close: () => undefined,
    };
  },
};

const NO_HASH: Lookup<never> = {
  kind: "unavailable",
  cause: new Error("no password can be hashed here"),
};
const NO_HASHING: PasswordHashing = {
  crypt: () => Promise.resolve(NO_HASH),
  argon2id: () => Promise.resolve(NO_HASH),
  pbkdf2: () => Promise.resolve(NO_HASH),
};

const NO_SYSTEM_PASSWORDS: SystemPasswords = { check: async () => "unavailable" };

const NO_HTTP: Http = {
  post: async () => ({ kind: "fault", why: "there is no HTTP here" }),
  get: async () => ({ kind: "fault", why: "there is no HTTP here" }),
};
const NO_SIGNATURES: Signatures = { isSigned: () => false };
