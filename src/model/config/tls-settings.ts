/** What one end of TLS offers, in the words of smtpd.conf(5); tls-values.ts reads them. */

export const TLS_LEVELS = ["secure", "compat", "legacy", "insecure"] as const;
/** The named levels of `ciphers`, from strict to anything. */
export type TlsLevel = (typeof TLS_LEVELS)[number];

export const TLS_VERSIONS = ["tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export type TlsCiphers =
  | { readonly kind: "level"; readonly level: TlsLevel }
  /** OpenSSL cipher names and selectors, as written, in order. */
  | { readonly kind: "list"; readonly names: readonly string[] };

/** What one TLS end offers. An undefined field falls back: listener, `smtp tls`, the level "secure". */
export interface TlsSettings {
  readonly ciphers: TlsCiphers | undefined;
  /** Names of groups in the order preferred (`X25519`, `P-256`). */
  readonly curves: readonly string[] | undefined;
  /** Ascending. */
  readonly protocols: readonly TlsVersion[] | undefined;
}
