/**
 * Whom the system trusts, as one PEM text; whom the runtime trusts where the system names nobody.
 *
 * Systems keep them as one file, and the environment may name another (openssl-env(7)). The
 * runtime reads a whole folder too, in which each is several times: on Debian 144 become 576,
 * in 23 ms. So it is asked where there is no file, or a folder is named alone. Who names a file
 * means to trust nobody else: one that cannot be used is a fault.
 */
import { readFileSync, statSync } from "node:fs";
import { getCACertificates } from "node:tls";

/** Of Debian and its like, of Fedora, of openSUSE, of Alpine and the BSDs. */
const BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Fifty times what Debian's has. */
const MAX_BUNDLE_BYTES: number = 16 * 1024 * 1024;

/** As PEM; the string says why there are none. */
export type Authorities = { readonly pem: string } | string;

/** @param bundles the first of these that has a certificate is taken. */
export function systemAuthorities(
  bundles: readonly string[] = BUNDLES,
  environment: NodeJS.ProcessEnv = process.env,
): Authorities {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folder } = environment;
  if (file !== undefined) {
    const named = authoritiesIn(file);
    return typeof named === "string" ? `SSL_CERT_FILE: ${file}: ${named}` : named;
  }
  for (const path of folder === undefined ? bundles : []) {
    const found = authoritiesIn(path);
    if (typeof found !== "string") return found;
  }
  const system = [...new Set(getCACertificates("system"))];
  return { pem: (system.length > 0 ? system : getCACertificates("bundled")).join("\n") };
}

/** A FIFO would be waited for, and a device may have no end. */
function authoritiesIn(path: string): Authorities {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return "is no file";
    if (stat.size > MAX_BUNDLE_BYTES) return "is too large";
    const pem = readFileSync(path, "latin1");
    return pem.includes("-----BEGIN CERTIFICATE-----") ? { pem } : "has no certificate";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
