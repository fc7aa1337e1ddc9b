/**
 * The certificates of the configuration as `smtpctl doctor` sees them: whether they are in order
 * (check-certificates.ts), until when, and what a client that compares them with the DNS is shown.
 */
import { X509Certificate } from "node:crypto";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { pemCertificates } from "#protocols/ocsp/pem.ts";
import type { Config } from "#model/config/config.ts";
import type { Pki } from "#model/config/pki.ts";
import { worstOf } from "#policy/check/finding.ts";
import { type Check, fail, ok, unknown, type Verdict, warn } from "#engine/doctor/verdict.ts";
import { chained } from "#world/node/tls/facts.ts";
import { certificateFaults } from "./check-certificates.ts";
import { isMissing, type Surroundings } from "./surroundings.ts";

/** Ten are more than any chain has (base/ports/tls.ts). */
const MAX_CHAIN = 10;

export function certificateChecks(config: Config, world: Surroundings): readonly Check[] {
  const checks = Array.from(config.pkis.values(), (pki) => ({
    name: "certificate",
    subject: pki.name,
    look: () => lookAtPki(pki, config, world),
  }));
  if (checks.length > 0) return checks;
  return [{ name: "certificate", subject: "", look: async () => NO_CERTIFICATE }];
}

const NO_CERTIFICATE: Verdict = warn(
  "there is no certificate: mail comes in the clear, and nobody can log in",
  "get one for this server's name, and name it in smtpd.conf: pki, and listen … tls",
);

async function lookAtPki(pki: Pki, config: Config, world: Surroundings): Promise<Verdict> {
  const hidden = [pki.cert, pki.key].find((path) => isHidden(path, world));
  if (hidden !== undefined) return unknown(`${hidden} cannot be read`, "ask as root");
  const alone = { ...config, pkis: new Map([[pki.name, pki]]), cas: new Map() };
  const findings = await certificateFaults(alone, world);
  const first = worstOf(findings);
  const [own] = certificatesOf(pki, world);
  const hasEnded = own !== undefined && own.validToDate.getTime() < world.nowMs;
  if (first === undefined) return ok(own === undefined ? "no file is named" : validity(own));
  const tell = first.severity === "error" || hasEnded ? fail : warn;
  return tell(first.message, first.hint === "" ? "get a new one, and smtpctl reload" : first.hint);
}

/** Whether this user may not read it. */
function isHidden(path: string | undefined, { read }: Surroundings): boolean {
  const text = path === undefined ? "" : read(path);
  return typeof text !== "string" && !isMissing(text);
}

function validity({ validToDate, subjectAltName }: X509Certificate): string {
  const names = (subjectAltName ?? "nobody").replaceAll("DNS:", "");
  return `for ${names}, until ${validToDate.toISOString().slice(0, 10)}`;
}

/** What a client that asks for `name` would be shown; empty if that cannot be read. */
export function chainFor(
  name: string,
  { pkis }: Config,
  world: Surroundings,
): readonly ChainCertificate[] {
  const pki = pkis.get(name) ?? pkis.get("*");
  return pki === undefined ? [] : chained(certificatesOf(pki, world));
}

function certificatesOf({ cert }: Pki, { read }: Surroundings): readonly X509Certificate[] {
  const pem = cert === undefined ? "" : read(cert);
  if (typeof pem !== "string") return [];
  try {
    return pemCertificates(pem)
      .slice(0, MAX_CHAIN)
      .map((der) => new X509Certificate(der));
  } catch {
    return []; // certificateFaults tells of it.
  }
}
