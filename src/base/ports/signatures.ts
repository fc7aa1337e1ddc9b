/** Whether a signature is one, by whatever computes that here. */
export interface Signatures {
  /**
   * False also for what is not understood.
   *
   * @param publicKey SubjectPublicKeyInfo in DER.
   * @param part `algorithm` is the OID of X.509, dotted.
   */
  isSigned(
    part: {
      readonly signed: Uint8Array;
      readonly algorithm: string;
      readonly signature: Uint8Array;
    },
    publicKey: Uint8Array,
  ): boolean;
}
