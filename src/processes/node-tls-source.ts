/** Certificates and keys in files: opened by the parent, which may read keys. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { TLS_TICKET_KEY_BYTES } from "#base/ports/tls.ts";
import { MAX_PEM_BYTES } from "#model/tls-material.ts";
import { authorityFault, identityFault } from "#world/node/tls/certificates.ts";
import { systemAuthorities } from "#world/node/tls/system-authorities.ts";
import type { PemRead, TlsSource } from "./tls-source.ts";

export function nodeTlsSource(): TlsSource {
  return {
    read: readPem,
    stamp,
    identityFault,
    authorityFault,
    systemAuthorities,
    ticketKey: () => randomBytes(TLS_TICKET_KEY_BYTES),
  };
}

function readPem(path: string): PemRead {
  try {
    // A pipe would keep the parent waiting.
    if (!statSync(path).isFile()) return { kind: "fault", why: `${path} is no file` };
    const fd = openSync(path, "r");
    try {
      if (fstatSync(fd).size > MAX_PEM_BYTES) return { kind: "fault", why: `${path} is too large` };
      return { kind: "text", text: readFileSync(fd, "utf8") };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { kind: "fault", why: error instanceof Error ? error.message : String(error) };
  }
}

function stamp(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.ino} ${found.size} ${found.mtimeNs}`;
}
