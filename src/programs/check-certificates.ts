/**
 * Certificates and keys: they can be read and belong together, nobody else may change or
 * see them, they have not expired and are for the names that listeners show.
 *
 * Whoever checks may not be allowed to read a key: then what needs it is not checked.
 *
 * Source: OpenSMTPD ssl.c (owner and mode of the files); RFC 9525 (names).
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Config } from "#model/config/config.ts";
import type { Ca, Pki } from "#model/config/pki.ts";
import type { Place } from "#model/config/place.ts";
import { error, type Finding, warning } from "#policy/check/finding.ts";
import { stapleFaults } from "./check-staples.ts";
import { isMissing, lookAt, type Surroundings } from "./surroundings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const WARN_BEFORE_MS: number = 14 * DAY_MS;
/** All authorities of the Web are a quarter of this. */
const MAX_PEM_BYTES: number = 1024 * 1024;
/** OpenSMTPD: what is more than 0740 for a key, and than 0755 for a certificate. */
const KEY_EXTRA_BITS = 0o037;
const CERTIFICATE_EXTRA_BITS = 0o022;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/gu;

export async function certificateFaults(
  config: Config,
  world: Surroundings,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const pki of config.pkis.values()) findings.push(...(await pkiFaults(pki, config, world)));
  for (const ca of config.cas.values()) findings.push(...(await caFaults(ca, world)));
  return findings;
}

async function pkiFaults(
  pki: Pki,
  config: Config,
  world: Surroundings,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const { at, places, name } = pki;
  const read =
    pki.cert === undefined
      ? undefined
      : await readCertificate({ at: places.cert ?? at, path: pki.cert }, world, findings);
  const key =
    pki.key === undefined
      ? undefined
      : await readKey({ at: places.key ?? at, path: pki.key }, world, findings);
  if (read === undefined) return findings;
  const { certificate, pem } = read;
  const certAt = places.cert ?? at;
  findings.push(...validityFaults(certAt, name, certificate, world.nowMs));
  findings.push(...nameFaults(certAt, pki, certificate, config));
  findings.push(...stapleFaults(pki, config, pem));
  if (key !== undefined && !certificate.checkPrivateKey(key))
    findings.push(
      error(
        places.key ?? at,
        `the key of pki ${name} is not that of its certificate`,
        `${pki.key ?? ""} does not belong to ${pki.cert ?? ""}`,
      ),
    );
  return findings;
}

interface Named {
  readonly at: Place;
  readonly path: string;
}

async function readCertificate(
  file: Named,
  world: Surroundings,
  findings: Finding[],
): Promise<{ readonly certificate: X509Certificate; readonly pem: string } | undefined> {
  const text = await readPem(
    file,
    { what: "certificate", extraBits: CERTIFICATE_EXTRA_BITS },
    world,
  );
  findings.push(...text.findings);
  if (text.pem === undefined) return undefined;
  try {
    return { certificate: new X509Certificate(text.pem), pem: text.pem };
  } catch {
    findings.push(error(file.at, `there is no certificate in ${file.path}`, PEM_HINT));
    return undefined;
  }
}

async function readKey(
  file: Named,
  world: Surroundings,
  findings: Finding[],
): Promise<KeyObject | undefined> {
  const text = await readPem(file, { what: "key", extraBits: KEY_EXTRA_BITS }, world);
  findings.push(...text.findings);
  if (text.pem === undefined) return undefined;
  // Only who starts the daemon knows the passphrase.
  if (text.pem.includes("ENCRYPTED")) return undefined;
  try {
    return createPrivateKey(text.pem);
  } catch {
    findings.push(error(file.at, `there is no private key in ${file.path}`, PEM_HINT));
    return undefined;
  }
}

const PEM_HINT = "the file must be in PEM form: -----BEGIN …";

async function readPem(
  { at, path }: Named,
  { what, extraBits }: { readonly what: "certificate" | "key"; readonly extraBits: number },
  world: Surroundings,
): Promise<{ readonly pem: string | undefined; readonly findings: readonly Finding[] }> {
  const found = await lookAt(path, world);
  if (found.kind === "files-fault") {
    const isGone = isMissing(found);
    const message = `cannot read the ${what}: ${found.message}`;
    return { pem: undefined, findings: isGone ? [error(at, message)] : [unchecked(at, what)] };
  }
  // A pipe or device would keep the check waiting.
  if (found.kind !== "file" || found.bytes > MAX_PEM_BYTES)
    return { pem: undefined, findings: [error(at, `${path} is no file with a ${what}`)] };
  const findings: Finding[] = [];
  if (found.uid !== 0 && found.uid !== world.uid)
    findings.push(warning(at, `${path} belongs to user ${found.uid}: it must be root's`));
  if ((found.mode & extraBits) !== 0) {
    const allowed = mode(found.mode & ~extraBits);
    const who = what === "key" ? "others can use" : "others can change";
    findings.push(
      warning(at, `${who} ${path}: its mode is ${mode(found.mode)}`, `chmod ${allowed} ${path}`),
    );
  }
  const pem = world.read(path);
  if (typeof pem === "string") return { pem, findings };
  return { pem: undefined, findings: [...findings, unchecked(at, what)] };
}

function mode(bits: number): string {
  return bits.toString(8).padStart(4, "0");
}

function unchecked(at: Place, what: "certificate" | "key"): Finding {
  return warning(at, `the ${what} is not checked: this user may not read it`);
}

function validityFaults(
  at: Place,
  name: string,
  { validFromDate, validToDate }: X509Certificate,
  nowMs: number,
): readonly Finding[] {
  const endMs = validToDate.getTime();
  if (endMs < nowMs)
    return [warning(at, `the certificate of pki ${name} expired on ${day(validToDate)}`)];
  if (validFromDate.getTime() > nowMs)
    return [
      warning(at, `the certificate of pki ${name} is not valid before ${day(validFromDate)}`),
    ];
  if (endMs - nowMs > WARN_BEFORE_MS) return [];
  return [
    warning(
      at,
      `the certificate of pki ${name} expires on ${day(validToDate)}`,
      "clients that check it will refuse it then",
    ),
  ];
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** Of a listener with several certificates one for its name is enough; that is not looked at. */
function nameFaults(
  at: Place,
  pki: Pki,
  certificate: X509Certificate,
  { listeners }: Config,
): readonly Finding[] {
  const names = listeners.flatMap(({ tls, hostname, hostnames }) => {
    const isAlone = tls.mode !== "none" && tls.pkis.length === 1 && tls.pkis[0] === pki;
    return isAlone && hostnames === undefined ? [hostname] : [];
  });
  return [...new Set(names)]
    .filter((hostname) => certificate.checkHost(hostname) === undefined)
    .map((hostname) =>
      warning(
        at,
        `the certificate of pki ${pki.name} is not for ${hostname}, which a listener with it is called`,
        `it is for ${certificate.subjectAltName ?? "no host"}`,
      ),
    );
}

async function caFaults({ at, name, cert }: Ca, world: Surroundings): Promise<readonly Finding[]> {
  const { pem, findings } = await readPem(
    { at, path: cert },
    { what: "certificate", extraBits: CERTIFICATE_EXTRA_BITS },
    world,
  );
  if (pem === undefined) return findings;
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0)
    return [...findings, error(at, `there is no certificate in ${cert}`, PEM_HINT)];
  const broken = blocks.findIndex((block) => !isCertificate(block));
  if (broken < 0) return findings;
  return [...findings, error(at, `certificate ${broken + 1} of ca ${name} is broken`)];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).serialNumber !== "";
  } catch {
    return false;
  }
}
