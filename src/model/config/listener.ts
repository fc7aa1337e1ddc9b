/** Listeners: where clients come in, and what they are offered there. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Filter } from "./filter.ts";
import type { OAuth } from "./oauth.ts";
import type { Ca, Pki } from "./pki.ts";
import type { Place, Places } from "./place.ts";
import type { Table } from "./table.ts";
import type { TlsSettings } from "./tls-settings.ts";

export type ListenerTls =
  | { readonly mode: "none" }
  | {
      /** `tls`, `tls-require`, `smtps`. */
      readonly mode: "starttls" | "starttls-required" | "smtps";
      /** `verify`: a client must show a certificate that `ca` (or the system) vouches for. */
      readonly verify: boolean;
      /** `verify fingerprint T`: it counts that the certificate, or its key, is in there. */
      readonly fingerprints: Table | undefined;
      readonly pkis: readonly Pki[];
      readonly ca: Ca | undefined;
      readonly settings: TlsSettings;
    };

/** Whose passwords clients may show, or prove that they know. */
export type PasswordSource =
  /** The system's users. */
  | { readonly kind: "system" }
  | {
      readonly kind: "table";
      readonly table: Table;
      /** It has a SCRAM verifier for each of its users, so SCRAM can be offered. */
      readonly scram: boolean;
    }
  /** Nobody's: there are tokens alone. */
  | { readonly kind: "none" };

export type ListenerAuth =
  | { readonly mode: "none" }
  | {
      readonly mode: "optional" | "required";
      readonly passwords: PasswordSource;
      /** Who judges tokens; undefined: none are taken. */
      readonly oauth: OAuth | undefined;
    };

/** The table that has the credentials of a listener's clients, if one has. */
export function credentialsOf(auth: ListenerAuth): Table | undefined {
  if (auth.mode === "none" || auth.passwords.kind !== "table") return undefined;
  return auth.passwords.table;
}

/** `proxy from T`, `proxy-v2 from T`: who must say, before all else, for whom it connects. */
export interface ListenerProxy {
  readonly version: "v1" | "v2";
  /** Undefined, under `compat opensmtpd`: anybody. */
  readonly from: Table | undefined;
}

/** `listen on …`: one for each endpoint that the line opens. */
export interface Listener {
  readonly at: Place;
  readonly places: Places<Listener>;
  readonly endpoint: Endpoint;
  /** Mode bits of a UNIX-domain socket; 0666 by default. */
  readonly socketMode: number;
  /** Owner of a UNIX-domain socket; undefined: who starts the daemon. */
  readonly socketUser: string | undefined;
  readonly socketGroup: string | undefined;
  readonly tls: ListenerTls;
  readonly auth: ListenerAuth;
  /** `tag WORD`, or "". */
  readonly tag: string;
  /** Name in the greeting; the server name by default. */
  readonly hostname: string;
  /** `hostnames T`: names by local address. */
  readonly hostnames: Table | undefined;
  readonly senders: { readonly table: Table; readonly masquerade: boolean } | undefined;
  readonly filters: readonly Filter[];
  readonly maskSource: boolean;
  readonly receivedAuth: boolean;
  readonly noDsn: boolean;
  readonly proxy: ListenerProxy | undefined;
  /** `xclient from T`: peers that may say for whom they speak. */
  readonly xclient: Table | undefined;
  readonly protocol: "smtp" | "lmtp";
}
