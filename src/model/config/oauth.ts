/** Issuers of tokens: `oauth`. */
import type { Ca } from "./pki.ts";
import type { Place } from "./place.ts";

/** `oauth NAME introspect URL …`: whoever says whether a token is good (RFC 7662). */
export interface OAuth {
  readonly at: Place;
  readonly places: Readonly<Partial<Record<"secret", Place>>>;
  readonly name: string;
  /** https:, or http: on this machine. */
  readonly url: string;
  /** Who we are to it; what is in the file is in `Config.oauthSecrets`. */
  readonly client: { readonly id: string; readonly path: string } | undefined;
  /** What a token must be good for; undefined: anything. */
  readonly scope: string | undefined;
  /** What in the answer is the user; undefined: `username`, else `sub`. */
  readonly claim: string | undefined;
  /** Who vouches for it; undefined: whom the system trusts. */
  readonly ca: Ca | undefined;
}
