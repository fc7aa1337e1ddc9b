/**
 * What TLS needs and no configuration holds: certificates, private keys, authorities,
 * the key of session tickets. The parent alone opens the files; the dispatchers
 * are told.
 *
 * Nothing of it is ever printed, logged or compared in public.
 */
import { bytes, type Codec, list, struct, text, u32 } from "#base/codec.ts";
import { TLS_TICKET_KEY_BYTES, type TlsIdentity } from "#base/ports/tls.ts";

export interface TlsMaterial {
  /** Counts them: what is newer has a higher one. */
  readonly version: number;
  /** By the name of the pki. */
  readonly identities: readonly TlsIdentity[];
  readonly authorities: readonly Authority[];
  readonly ticketKey: Uint8Array;
}

/** `ca NAME`, as PEM. */
export interface Authority {
  readonly name: string;
  readonly pem: string;
}

/** The name of whom the system trusts. */
export const SYSTEM_AUTHORITY = "";

/** Of a configuration without TLS. */
export const NO_TLS_MATERIAL: TlsMaterial = {
  version: 0,
  identities: [],
  authorities: [],
  ticketKey: new Uint8Array(TLS_TICKET_KEY_BYTES),
};

/** A chain of a hundred certificates is 200 KiB; all authorities of the Web are 240. */
export const MAX_PEM_BYTES: number = 1024 * 1024;
export const MAX_IDENTITIES = 4096;
const MAX_NAME_BYTES = 1024;

const pem: Codec<string> = text(MAX_PEM_BYTES);
const name: Codec<string> = text(MAX_NAME_BYTES);

export const tlsMaterialCodec: Codec<TlsMaterial> = struct<TlsMaterial>({
  version: u32,
  identities: list(struct<TlsIdentity>({ name, certificate: pem, key: pem }), MAX_IDENTITIES),
  authorities: list(struct<Authority>({ name, pem }), MAX_IDENTITIES),
  ticketKey: bytes(TLS_TICKET_KEY_BYTES),
});
