/**
 * Zones that are signed, and a resolver that checks them: Debian's unbound on a free port of
 * 127.0.0.1, with zones that ldns signs. It asks nobody else.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { freePort, until } from "./greeting.ts";
import { endOf, programPath, run, unlessInstalled } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";

/** `node:test`'s `skip`. */
export function unlessSignedZones(): string | false {
  return unlessInstalled("unbound") || unlessInstalled("ldns-signzone");
}

export interface Zone {
  readonly name: string;
  /** `NAME TYPE DATA`, relative to the zone. */
  readonly records: readonly string[];
  /** "forged": one that was changed after it was signed. */
  readonly state: "signed" | "unsigned" | "forged";
}

export class SignedZones implements AsyncDisposable {
  /** `ADDRESS:PORT` of the resolver. */
  readonly server: string;
  readonly #child: ChildProcess;

  private constructor(server: string, child: ChildProcess) {
    this.server = server;
    this.#child = child;
  }

  static async start(scratch: Scratch, zones: readonly Zone[]): Promise<SignedZones> {
    const { folder } = scratch;
    const port = await freePort();
    const parts = await Promise.all(zones.map((zone) => made(folder, zone)));
    const settings = [
      "server:",
      "  interface: 127.0.0.1",
      `  port: ${port}`,
      '  username: ""',
      '  chroot: ""',
      `  directory: "${folder}"`,
      '  pidfile: ""',
      "  do-daemonize: no",
      "  use-syslog: no",
      `  logfile: "${folder}/unbound.log"`,
      '  module-config: "validator iterator"',
      // What is in no zone leads nowhere.
      "  do-not-query-localhost: no",
      `  root-hints: "${folder}/root.hints"`,
      ...parts.flatMap(({ anchor }) => anchor),
      "remote-control:",
      "  control-enable: no",
      ...parts.flatMap(({ zone }) => zone),
    ];
    writeFileSync(`${folder}/unbound.conf`, `${settings.join("\n")}\n`);
    writeFileSync(`${folder}/root.hints`, ". NS nobody.\nnobody. A 127.0.0.1\n");
    const child = spawn(programPath("unbound"), ["-d", "-c", `${folder}/unbound.conf`], {
      stdio: "ignore",
    });
    const server = `127.0.0.1:${port}`;
    const started = scratch.use(new SignedZones(server, child));
    const resolver = nodeResolver({ servers: [server], timeoutMs: 500, tries: 1 });
    const [first] = zones;
    await until(
      async () => (await resolver.mx(first?.name ?? "")).kind !== "unavailable",
      "answer of unbound",
    );
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}

/** What the resolver's settings say of a zone. */
interface Made {
  readonly anchor: readonly string[];
  readonly zone: readonly string[];
}

async function made(folder: string, { name, records, state }: Zone): Promise<Made> {
  const plain = `${folder}/${name}.zone`;
  const lines = [
    `$ORIGIN ${name}.`,
    "$TTL 60",
    "@ SOA ns hostmaster 1 3600 600 86400 60",
    "@ NS ns",
    "ns A 127.0.0.1",
    ...records,
  ];
  writeFileSync(plain, `${lines.join("\n")}\n`);
  if (state === "unsigned") return { anchor: [], zone: authZone(name, plain) };
  const key = await ldns(folder, ["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", name]);
  const base = `${folder}/${key.trim()}`;
  const signed = `${plain}.signed`;
  await ldns(folder, ["ldns-signzone", "-f", signed, plain, base]);
  if (state === "forged") forge(signed);
  return { anchor: [`  trust-anchor-file: "${base}.ds"`], zone: authZone(name, signed) };
}

/** Another TLSA record than the one that was signed. */
function forge(path: string): void {
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replaceAll(/(\tTLSA\t\d \d \d )../gu, "$1ff"));
}

function authZone(name: string, path: string): readonly string[] {
  return [
    "auth-zone:",
    `  name: "${name}"`,
    `  zonefile: "${path}"`,
    "  for-downstream: no",
    "  for-upstream: yes",
    "  fallback-enabled: no",
  ];
}

/** Its programs write where they are started. */
async function ldns(folder: string, command: readonly string[]): Promise<string> {
  const script = 'cd "$1" && shift && exec "$@"';
  const { code, output } = await run(["/bin/sh", "-c", script, "sh", folder, ...command]);
  if (code !== 0) throw new Error(`Cannot make a zone: ${command.join(" ")}: ${output}`);
  return output;
}
