/**
 * Writes the table of docs/tls.md: what each level of `ciphers` comes to in the TLS
 * library that runs here. `bin/node tools/tls-levels.ts`; tools/tls-levels.test.ts fails when
 * the page says something else.
 *
 * The library is not asked for lists, it is tried: a client that offers one cipher alone
 * meets a server with the level, with certificates of both kinds and every version.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { duplexPair } from "node:stream";
import { connect, createSecureContext, getCiphers, type SecureContext, TLSSocket } from "node:tls";
import { TLS_LEVELS, TLS_VERSIONS, type TlsLevel } from "#model/config/tls-settings.ts";
import { DEFAULT_GROUPS, DEFAULT_SUITES } from "#policy/tls/levels.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { certify } from "#test/support/certificates.ts";

const PAGE = new URL("../docs/tls.md", import.meta.url);
const BEGIN = "<!-- tools/tls-levels.ts writes from here -->";
const END = "<!-- to here -->";

/** Node lists those that it has on itself; the library has more, and some that nobody should have. */
const OTHERS: readonly string[] = `
  ECDHE-ECDSA-AES256-CCM8 ECDHE-ECDSA-AES256-CCM ECDHE-ECDSA-AES128-CCM8 ECDHE-ECDSA-AES128-CCM
  DHE-RSA-AES256-CCM8 DHE-RSA-AES256-CCM DHE-RSA-AES128-CCM8 DHE-RSA-AES128-CCM AES256-CCM8 AES256-CCM AES128-CCM8 AES128-CCM
  ECDHE-ECDSA-ARIA256-GCM-SHA384 ECDHE-ECDSA-ARIA128-GCM-SHA256 ECDHE-ARIA256-GCM-SHA384 ECDHE-ARIA128-GCM-SHA256
  DHE-RSA-ARIA256-GCM-SHA384 DHE-RSA-ARIA128-GCM-SHA256 ARIA256-GCM-SHA384 ARIA128-GCM-SHA256
  ECDHE-ECDSA-CAMELLIA256-SHA384 ECDHE-ECDSA-CAMELLIA128-SHA256 ECDHE-RSA-CAMELLIA256-SHA384 ECDHE-RSA-CAMELLIA128-SHA256
  DHE-RSA-CAMELLIA256-SHA256 DHE-RSA-CAMELLIA128-SHA256 DHE-RSA-CAMELLIA256-SHA DHE-RSA-CAMELLIA128-SHA
  CAMELLIA256-SHA256 CAMELLIA128-SHA256 CAMELLIA256-SHA CAMELLIA128-SHA
  SEED-SHA IDEA-CBC-SHA DES-CBC3-SHA RC4-SHA
  ADH-AES256-GCM-SHA384 ADH-AES128-SHA AECDH-AES256-SHA AECDH-AES128-SHA
  ECDHE-ECDSA-NULL-SHA ECDHE-RSA-NULL-SHA AECDH-NULL-SHA NULL-SHA256 NULL-SHA NULL-MD5
`
  .trim()
  .split(/\s+/);

/** The page with the table as it is now. */
export async function withTable(page: string): Promise<string> {
  const start = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`docs/tls.md: no place for the table (${BEGIN})`);
  return `${page.slice(0, start + BEGIN.length)}\n\n${await table()}\n\n${page.slice(end)}`;
}

export function readPage(): string {
  return readFileSync(PAGE, "utf8");
}

async function table(): Promise<string> {
  const rows: string[] = [];
  const allowed = new Map<TlsLevel, ReadonlySet<string>>();
  const listed = getCiphers().filter((name) => !name.startsWith("tls_"));
  const names = [...new Set([...listed.map((name) => name.toUpperCase()), ...OTHERS])];
  for (const level of TLS_LEVELS) allowed.set(level, await ciphersOf(level, names));
  for (const name of names) {
    const marks = TLS_LEVELS.map((level) => (allowed.get(level)?.has(name) === true ? "yes" : ""));
    if (marks.every((mark) => mark === "")) continue;
    rows.push(`| ${name} | ${marks.join(" | ")} |`);
  }
  return [
    `| cipher, up to TLS 1.2 | ${TLS_LEVELS.join(" | ")} |`,
    `|---|${TLS_LEVELS.map(() => "---|").join("")}`,
    ...rows.toSorted(),
    "",
    `TLS 1.3, at each level: ${DEFAULT_SUITES.replaceAll(":", ", ")}.`,
    "",
    `Groups, in this order: ${DEFAULT_GROUPS.replaceAll(":", ", ")}.`,
  ].join("\n");
}

async function ciphersOf(level: TlsLevel, names: readonly string[]): Promise<ReadonlySet<string>> {
  const settings = {
    ciphers: { kind: "level", level },
    curves: undefined,
    protocols: TLS_VERSIONS,
  } as const;
  const { ciphers, suites, groups } = tlsOffer(settings, settings, "auto");
  const context = createSecureContext({
    ...certificates(),
    ciphers: `${suites}:${ciphers}`,
    ecdhCurve: groups,
    minVersion: "TLSv1",
    dhparam: "auto",
  });
  const allowed = new Set<string>();
  for (const name of names) if (await agrees(context, name)) allowed.add(name);
  return allowed;
}

function certificates(): { readonly cert: string[]; readonly key: string[] } {
  const both = [certify({ subject: "a.example" }), certify({ subject: "a.example", key: "rsa" })];
  return { cert: both.map(({ certificate }) => certificate), key: both.map(({ key }) => key) };
}

/** Undefined: the library does not know the cipher. */
function clientOffer(cipher: string): SecureContext | undefined {
  try {
    return createSecureContext({
      ciphers: `${cipher}:@SECLEVEL=0`,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.2",
    });
  } catch {
    return undefined;
  }
}

/** Whether a client with this one cipher comes to terms with a server of `context`. */
function agrees(secureContext: SecureContext, cipher: string): Promise<boolean> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(far, { isServer: true, secureContext });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const end = (agreed: boolean): void => {
    resolve(agreed);
    client.destroy();
    server.destroy();
  };
  server.on("error", () => undefined);
  const offer = clientOffer(cipher);
  if (offer === undefined) return Promise.resolve(false);
  const client = connect({ socket: near, secureContext: offer, rejectUnauthorized: false });
  client.on("error", () => end(false));
  client.on("close", () => end(false));
  client.once("secureConnect", () => end(client.getCipher().name === cipher));
  return promise;
}

if (import.meta.main) writeFileSync(PAGE, await withTable(readPage()));
