/** Where the parent has certificates and keys from, and what tells it that they are good. */
import type { TlsIdentity } from "#base/ports/tls.ts";

export type PemRead =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "fault"; readonly why: string };

export interface TlsSource {
  read(path: string): PemRead;
  /** Differs when the file has changed; undefined: there is none. */
  stamp(path: string): string | undefined;
  /** Why it cannot be shown, or undefined. */
  identityFault(identity: TlsIdentity): string | undefined;
  /** Why nobody can be vouched for by it, or undefined. */
  authorityFault(pem: string): string | undefined;
  /** The certificates that the system trusts, as PEM; the string says why there are none. */
  systemAuthorities(): { readonly pem: string } | string;
  /** TLS_TICKET_KEY_BYTES that nobody can guess. */
  ticketKey(): Uint8Array;
}

/** There are no files: for mail systems without TLS. */
export const NO_TLS_SOURCE: TlsSource = {
  read: (path) => ({ kind: "fault", why: `${path}: there are no certificates here` }),
  stamp: () => undefined,
  identityFault: () => undefined,
  authorityFault: () => undefined,
  systemAuthorities: () => ({ pem: "" }),
  ticketKey: () => new Uint8Array(48),
};
