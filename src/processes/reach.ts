/** What lookup may do besides reading files: each right is given at the start of a process, for a reason. */
export interface Reach {
  /** While issuers of tokens or responders of OCSP are to be asked, policies of MTA-STS fetched, or TLS reports sent. */
  readonly network: boolean;
  /** Where it may write, while responders are to be asked, policies fetched, or TLS reports kept. */
  readonly stapleFolder: string | undefined;
}

export const NO_REACH: Reach = { network: false, stapleFolder: undefined };

/** What `reach` has and `needed` as well; `reach` itself if that is no more. */
export function widened(reach: Reach, needed: Reach): Reach {
  const network = reach.network || needed.network;
  const stapleFolder = reach.stapleFolder ?? needed.stapleFolder;
  const isSame = network === reach.network && stapleFolder === reach.stapleFolder;
  return isSame ? reach : { network, stapleFolder };
}
