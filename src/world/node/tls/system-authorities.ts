/** Whom the system trusts, as one PEM text; whom the runtime trusts where the system names nobody. */
import { getCACertificates } from "node:tls";

export function systemAuthorities(): string {
  const system = getCACertificates("system");
  return (system.length > 0 ? system : getCACertificates("bundled")).join("\n");
}
