/** Certificates of the configuration: `pki`, which we show, and `ca`, which vouch for others. */
import type { Place, Places } from "./place.ts";

/** `pki NAME …`, all its lines together. */
export interface Pki {
  readonly at: Place;
  readonly places: Places<Pki>;
  /** `*` or a host name, in lower case. */
  readonly name: string;
  /** Paths of PEM files; undefined if no line gives one. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly dhe: "none" | "auto" | "legacy";
  readonly ocsp: PkiOcsp;
}

/** Where the response of OCSP is from that the certificate is shown with. */
export type PkiOcsp =
  /** "auto": from the responder that the certificate names, if it does. */
  | { readonly kind: "auto" | "off" }
  /** A response in DER. */
  | { readonly kind: "file"; readonly path: string };

/** `ca NAME cert PATH`. */
export interface Ca {
  readonly at: Place;
  readonly name: string;
  readonly cert: string;
}
