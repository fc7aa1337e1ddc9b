/**
 * What a listener offers, found out as testssl.sh does: for each version, and for each kind
 * of certificate, a client of `openssl s_client` that knows everything sees what the server
 * takes, strikes it out, and asks again until nothing is agreed; then each group alone. Weak
 * ciphers, those without encryption and those without a certificate are among what it knows
 * (@SECLEVEL=0).
 *
 * Groups that this openssl does not know are tried with the library in Node.js.
 */
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { connect as secure } from "node:tls";
import { run } from "./peer-program.ts";

const VERSIONS = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"] as const;
type Version = (typeof VERSIONS)[number];

/** What a listener offers in one version. */
export interface Offer {
  readonly version: Version;
  /** With ECDSA, then with RSA, then the others; each kind in the server's order. */
  readonly ciphers: readonly string[];
  /** In the order of `GROUPS`. */
  readonly groups: readonly string[];
}

export interface Probed {
  readonly port: number;
  readonly begins: "starttls" | "tls";
}

const FLAGS: Readonly<Record<Version, string>> = {
  "TLSv1.3": "-tls1_3",
  "TLSv1.2": "-tls1_2",
  "TLSv1.1": "-tls1_1",
  TLSv1: "-tls1",
};

const SUITES: readonly string[] = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_CCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
];

/** RFC 8446 §4.2.7, RFC 7919, RFC 8422, and one with ML-KEM. */
const GROUPS: readonly string[] = [
  "X25519MLKEM768",
  "X25519",
  "P-256",
  "P-384",
  "P-521",
  "X448",
  "ffdhe2048",
  "ffdhe3072",
  "secp256k1",
  "secp224r1",
  "brainpoolP256r1",
  "sect283k1",
];
/** Younger than the openssl of Debian 12. */
const BY_NODE: ReadonlySet<string> = new Set(["X25519MLKEM768"]);

export async function probe(probed: Probed): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  for (const version of VERSIONS) {
    const ciphers = await ciphersOf(probed, version);
    if (ciphers.length === 0) continue;
    const groups: string[] = [];
    for (const group of GROUPS) if (await takesGroup(probed, version, group)) groups.push(group);
    offers.push({ version, ciphers, groups });
  }
  return offers;
}

/** The ciphers of up to TLSv1.2, and the suites of TLSv1.3, that the openssl here can ask for. */
export async function knownCiphers(): Promise<ReadonlySet<string>> {
  return new Set([...(await cipherKinds()).flat(), ...SUITES]);
}

/** What goes with a certificate of one kind together: the server chooses that first. */
async function cipherKinds(): Promise<readonly (readonly string[])[]> {
  const { output } = await run(["openssl", "ciphers", "-v", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
  const lines = output
    .split("\n")
    .filter((line) => line.includes(" Au=") && !line.startsWith("TLS_"));
  return [
    lines.filter((line) => isOf(line, "ECDSA")),
    lines.filter((line) => isOf(line, "RSA")),
    lines.filter((line) => !isOf(line, "ECDSA", "RSA")),
  ].map((kind) => kind.map((line) => line.slice(0, line.indexOf(" "))));
}

function isOf(line: string, ...kinds: readonly string[]): boolean {
  return kinds.some((kind) => line.includes(` Au=${kind} `));
}

async function ciphersOf(probed: Probed, version: Version): Promise<readonly string[]> {
  if (version === "TLSv1.3") return taken(probed, version, SUITES);
  const found: string[] = [];
  for (const kind of await cipherKinds()) found.push(...(await taken(probed, version, kind)));
  return found;
}

/** Those of `asked` that the server takes, the one that it likes best first. */
async function taken(
  probed: Probed,
  version: Version,
  asked: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let left = asked; left.length > 0; ) {
    const names = left.join(":");
    const option =
      version === "TLSv1.3" ? ["-ciphersuites", names] : ["-cipher", `${names}:@SECLEVEL=0`];
    const cipher = await agreed(probed, version, option);
    if (cipher === undefined) break;
    found.push(cipher);
    left = left.filter((name) => name !== cipher);
    if (found.length + left.length !== asked.length) throw new Error(`${cipher} was not asked for`);
  }
  return found;
}

async function takesGroup(probed: Probed, version: Version, group: string): Promise<boolean> {
  if (BY_NODE.has(group)) return takesGroupOfNode(probed, version, group);
  const ciphers = version === "TLSv1.3" ? [] : ["-cipher", "ECDHE:@SECLEVEL=0"];
  return (await agreed(probed, version, ["-groups", group, ...ciphers])) !== undefined;
}

/** The cipher that is agreed on; undefined if there is none. */
async function agreed(
  { port, begins }: Probed,
  version: Version,
  options: readonly string[],
): Promise<string | undefined> {
  const how = begins === "starttls" ? ["-starttls", "smtp"] : [];
  const client = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...how];
  const { output } = await run([...client, FLAGS[version], ...options], "QUIT\r\n");
  return /^New, [\w./]+, Cipher is ([\w-]+)$/mu.exec(output)?.[1];
}

async function takesGroupOfNode(
  { port, begins }: Probed,
  version: Version,
  group: string,
): Promise<boolean> {
  if (version !== "TLSv1.3") return false; // It is one of TLSv1.3 alone.
  const socket = connect(port, "127.0.0.1");
  if (begins === "starttls") await startTls(socket);
  const client = secure({ socket, ecdhCurve: group, rejectUnauthorized: false });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  client.once("secureConnect", () => resolve(true));
  client.once("error", () => resolve(false));
  client.once("close", () => resolve(false));
  const isTaken = await promise;
  client.destroy();
  socket.destroy();
  return isTaken;
}

async function startTls(socket: Socket): Promise<void> {
  await once(socket, "data");
  socket.write("EHLO client.example\r\n");
  await once(socket, "data");
  socket.write("STARTTLS\r\n");
  await once(socket, "data");
  socket.pause();
}
