/** What lookup may do besides reading files: each right is given at the start of a process, for a reason. */
export interface Reach {
  /** While issuers of tokens or responders of OCSP are to be asked. */
  readonly network: boolean;
  /** Where it may write, while responders of OCSP are to be asked. */
  readonly stapleFolder: string | undefined;
}

export const NO_REACH: Reach = { network: false, stapleFolder: undefined };
