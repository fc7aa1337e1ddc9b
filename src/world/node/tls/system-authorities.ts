/**
 * Whom the system trusts, as one PEM text; whom the runtime trusts where the system names nobody.
 *
 * Systems keep them as one file, and the environment may name another (openssl-env(7)). The
 * runtime reads a whole folder too, in which each is several times: on Debian 144 become 576,
 * in 23 ms. So it is asked where there is no file, or a folder is named alone.
 */
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";

/** Of Debian and its like, of Fedora, of openSUSE, of Alpine and the BSDs. */
const BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** @param bundles the first of these that has a certificate is taken. */
export function systemAuthorities(
  bundles: readonly string[] = BUNDLES,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  for (const path of filesOf(bundles, environment)) {
    const text = textOf(path);
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  }
  const system = [...new Set(getCACertificates("system"))];
  return (system.length > 0 ? system : getCACertificates("bundled")).join("\n");
}

function filesOf(bundles: readonly string[], environment: NodeJS.ProcessEnv): readonly string[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folder } = environment;
  if (file !== undefined) return [file];
  return folder === undefined ? bundles : [];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
