/** Certificates and their keys as a server reads them, in the folder of a test. */
import { writeFileSync } from "node:fs";
import type { Certified } from "#test/support/certificates.ts";
import type { Scratch } from "./scratch.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The line of smtpd.conf that has them under their name. */
  readonly pki: string;
}

/** @param name of the `pki`, and of its files: `NAME.crt`, `NAME.key`. */
export function certificateFiles(
  { folder }: Pick<Scratch, "folder">,
  name: string,
  { certificate, key }: Pick<Certified, "certificate" | "key">,
): CertificateFiles {
  const paths = { cert: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
  writeFileSync(paths.cert, certificate, { mode: 0o644 });
  writeFileSync(paths.key, key, { mode: 0o600 });
  return { ...paths, pki: `pki ${name} cert "${paths.cert}" key "${paths.key}"` };
}
