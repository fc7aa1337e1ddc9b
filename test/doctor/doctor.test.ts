/**
 * `smtpctl doctor` as a person sees it: one host that is well, and one that is not. `NAME.conf` is the
 * configuration, `NAME.txt` what comes of it. Disk, users, DNS and network are below.
 * `UPDATE_GOLDENS=1` rewrites the goldens; review the diff as code.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import type { HttpAnswer } from "#base/ports/http.ts";
import { type FileStat, FilesError } from "#base/ports/files.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import type { Config } from "#model/config/config.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import { explain } from "#engine/explain/explain.ts";
import type { Rehearse } from "#engine/doctor/needed-addresses.ts";
import { ok, warn } from "#engine/doctor/verdict.ts";
import { ConfiguredRouting } from "#processes/configured-routing.ts";
import { doctorChecks, type DoctorParties } from "#programs/doctor-checks.ts";
import { runDoctor } from "#programs/smtpctl-doctor.ts";
import { statePaths } from "#programs/state-paths.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { SimNetwork } from "#world/sim/network.ts";
import { SimRandom, simRandom } from "#world/sim/random.ts";
import { SimResolver, type SimZone } from "#world/sim/resolver.ts";
import { SimUsers } from "#world/sim/users.ts";

const FOLDER = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";
const MAX_MS = 600_000;

interface Host {
  readonly name: string;
  readonly args: readonly string[];
  readonly zone: SimZone;
  /** What the web server of example.org has. */
  readonly policy: HttpAnswer;
  readonly stats: Readonly<Record<string, Partial<FileStat>>>;
  readonly freeBytes: number;
  readonly isClockKept: boolean;
  /** The replies of the daemon, and of the server that may be connected to; undefined: nobody is there. */
  readonly replies: readonly string[] | undefined;
}

const KEY = "v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

function policyOf(mode: string, ...hosts: readonly string[]): HttpAnswer {
  const lines = ["version: STSv1", `mode: ${mode}`, ...hosts.map((host) => `mx: ${host}`)];
  return { kind: "answer", body: Buffer.from(`${lines.join("\n")}\nmax_age: 604800\n`) };
}

const WELL: Host = {
  name: "well",
  args: ["--selector", "s1", "--connect", "mx.example.net"],
  zone: {
    mx: { "example.org": [{ preference: 10, exchange: "mx.example.org" }] },
    addresses: { "mx.example.org": ["203.0.113.25"], "mx.example.net": ["198.51.100.1"] },
    pointers: { "203.0.113.25": ["mx.example.org"] },
    texts: {
      "example.org": ["v=spf1 mx -all"],
      "s1._domainkey.example.org": [KEY],
      "_dmarc.example.org": ["v=DMARC1; p=reject; rua=mailto:dmarc@example.org"],
      "_mta-sts.example.org": ["v=STSv1; id=20261126"],
      "_smtp._tls.example.org": ["v=TLSRPTv1; rua=mailto:tls@example.org"],
    },
  },
  policy: policyOf("enforce", "mx.example.org"),
  stats: {
    "/etc/smtpd.conf": { kind: "file", mode: 0o644, uid: 0 },
    "/state": { mode: 0o711, uid: 0 },
    "/state/private": { uid: 0 },
    "/state/spool": { uid: 201 },
    "/state/offline": { mode: 0o1733, uid: 0 },
    "/state/ocsp": { uid: 202 },
    "/state/private/control.sock": { kind: "socket", mode: 0o600, uid: 0 },
  },
  freeBytes: 40 * 2 ** 30,
  isClockKept: true,
  replies: ["220 mx ESMTP", "250 ok", "250 ok", "550 5.1.1 Invalid recipient"],
};

const SICK: Host = {
  name: "sick",
  args: [],
  zone: {
    mx: { "example.org": [{ preference: 10, exchange: "mx.elsewhere.example" }] },
    pointers: { "203.0.113.25": ["host-25.isp.example"] },
    texts: {
      "example.org": ["v=spf1 include:everybody.example"],
      "everybody.example": ["v=spf1 +all"],
      "_mta-sts.example.org": ["v=STSv1; id=20261126"],
    },
    unavailable: ["_dmarc.example.org", "mx.example.org"],
  },
  policy: policyOf("enforce", "mx.example.org", "*.pool.example.org"),
  stats: {
    "/etc/smtpd.conf": { kind: "file", mode: 0o666, uid: 0 },
    "/state": { mode: 0o777, uid: 0 },
    "/state/spool": { uid: 1000 },
    "/state/offline": { mode: 0o733, uid: 0 },
    "/state/private/control.sock": { kind: "socket", mode: 0o666, uid: 0 },
  },
  freeBytes: 2 ** 20,
  isClockKept: false,
  replies: ["220 mx ESMTP", "250 ok", "250 ok", "250 ok"],
};

const USERS = new SimUsers([
  ...DAEMON_USERS.map((name, at) => ({ name, uid: 200 + at, gid: 200 + at, home: "/nonexistent" })),
  { name: "root", uid: 0, gid: 0, home: "/root" },
  { name: "ann", uid: 1000, gid: 1000, home: "/home/ann" },
]);

function configIn(host: Host): {
  readonly config: Config | undefined;
  readonly complaints: readonly string[];
} {
  const text = readFileSync(join(FOLDER, `${host.name}.conf`), "utf8");
  const read = (path: string) =>
    path === "/etc/smtpd.conf"
      ? text
      : ({ kind: "files-fault", code: "ENOENT", message: "no such file" } as const);
  const { config, complaints } = parseConfig(
    { file: "/etc/smtpd.conf", read },
    {
      serverName: "mx.example.org",
      interfaces: new Map([["eth0", ["203.0.113.25"]]]),
      enqueueSocketPath: "/state/enqueue.sock",
      macros: new Map(),
    },
  );
  return { config, complaints: complaints.map((each) => formatComplaint(each)) };
}

class SimHost {
  readonly clock = new SimClock();
  readonly #host: Host;
  readonly #network = new SimNetwork(this.clock, new SimRandom(1));

  constructor(host: Host) {
    this.#host = host;
  }

  async listen(): Promise<void> {
    const { replies } = this.#host;
    if (replies === undefined) return;
    for (const host of ["203.0.113.25", "198.51.100.1"])
      await this.#network.listen({ kind: "tcp", host, port: 25 }, (each) =>
        talk(each, [...replies]),
      );
  }

  parties(): DoctorParties {
    const { clock } = this;
    const { zone, isClockKept } = this.#host;
    const resolver = new SimResolver(zone);
    const stat = async (path: string): Promise<FileStat> => this.#stat(path);
    const disk = new SimDisk(clock, simRandom(1)).files();
    const freeSpace = async (): Promise<{ bytes: number; files: number }> => ({
      bytes: this.#host.freeBytes,
      files: Number.POSITIVE_INFINITY,
    });
    return {
      clock,
      network: this.#network,
      resolver,
      http: { get: async () => this.#host.policy },
      files: { ...disk, stat, freeSpace, list: async () => [] },
      listed: () => ({ names: async function* () {} }),
      userName: "root",
      world: {
        accounts: { users: USERS, group: async () => ({ kind: "absent" }) },
        files: { statTarget: stat },
        read: () => ({ kind: "files-fault", code: "ENOENT", message: "no such file" }),
        ownAddresses: ["127.0.0.1", "203.0.113.25"],
        uid: 0,
        nowMs: 0,
      },
      read: async (_choice, complain) => {
        const { config, complaints } = configIn(this.#host);
        for (const complaint of complaints) complain(complaint);
        return config;
      },
      pathsOf: () => statePaths("/state", 0),
      rehearsalOf: (config) => rehearsal(config, { clock, resolver }),
      kernelClock: async () => ({
        kind: "found",
        value: { isKept: isClockKept, maxErrorMs: 12.5 },
      }),
      daemon: async () =>
        isClockKept ? ok("smtpd answers") : warn("no daemon answers", "start smtpd"),
    };
  }

  #stat(path: string): FileStat {
    const found = this.#host.stats[path];
    if (found === undefined) throw new FilesError("ENOENT", "no such file or directory");
    return { kind: "folder", bytes: 0, mode: 0o700, uid: 0, links: 1, modifiedAtMs: 0, ...found };
  }
}

function rehearsal(
  config: Config,
  { clock, resolver }: { readonly clock: SimClock; readonly resolver: Resolver },
): Rehearse {
  const sources = {
    users: USERS,
    forwardFiles: { read: () => ({ kind: "absent" }) as const },
    backendOf: () => undefined,
    clock,
  };
  const { routing, senders, askTable } = new ConfiguredRouting(config, sources);
  const random = new SimRandom(1);
  const rest = {
    config,
    routing,
    senders,
    askTable,
    clock,
    random,
    users: USERS,
    hasRoom: () => true,
  };
  return (question) =>
    explain(question, { ...rest, resolver: question.dns ? resolver : undefined });
}

/** One reply to each line, and the first at once. */
function talk(connection: Connection, replies: string[]): void {
  const say = (): void => void connection.write(Buffer.from(`${replies.shift() ?? "221 bye"}\r\n`));
  connection.start({
    data: (bytes) => bytes.filter((byte) => byte === 0x0a).forEach(say),
    end: () => connection.end(),
    drain() {},
    closed() {},
  });
  say();
}

/** The command, what it prints and its status. */
async function told(host: Host): Promise<string> {
  const sim = new SimHost(host);
  await sim.listen();
  let prints = "";
  const running = runDoctor(
    ["-f", "/etc/smtpd.conf", ...host.args],
    { clock: sim.clock, checksFor: (args) => doctorChecks(args, sim.parties()) },
    {
      print: (text) => (prints += String(text)),
      complain: (why) => assert.fail(why),
      drained: () => undefined,
      isTerminal: false,
    },
  );
  const status = await sim.clock.runUntilSettled(running, MAX_MS);
  return `$ smtpctl doctor ${host.args.join(" ")}`.trimEnd() + `\n${prints}exit ${status}\n`;
}

for (const host of [WELL, SICK]) {
  test(`a host that is ${host.name} is told so`, async () => {
    const all = await told(host);
    const golden = join(FOLDER, `${host.name}.txt`);
    if (UPDATE) writeFileSync(golden, all);
    assert.equal(all, readFileSync(golden, "utf8"));
  });
}

test("who asks for no DNS has nobody connected to, but whom he names", async () => {
  for (const [args, found] of [
    [["--no-dns"], /^unknown port-25-out: no connection was tried$/mu],
    [["--no-dns", "--connect", "mx.example.net"], /^ok +port-25-out mx\.example\.net: /mu],
  ] as const)
    assert.match(await told({ ...WELL, args }), found);
});
