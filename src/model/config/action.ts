/** Actions: what is done with mail that a rule takes, by delivery on this machine or by relaying. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Filter } from "./filter.ts";
import type { Format } from "./format.ts";
import type { Ca, Pki } from "./pki.ts";
import type { Place } from "./place.ts";
import type { Table } from "./table.ts";
import type { TlsSettings } from "./tls-settings.ts";

/** `mda wrapper NAME COMMAND`. */
export interface MdaWrapper {
  readonly at: Place;
  readonly name: string;
  readonly command: Format;
}

/** `alias T` or `virtual T`. */
export interface ActionAliases {
  readonly kind: "alias" | "virtual";
  readonly table: Table;
  /** `allow-exec`: command and file nodes of this table may be used. */
  readonly allowExec: boolean;
}

/** What all actions share. */
export interface ActionBase {
  readonly at: Place;
  /** Where each option stands, by its word in camel case (`heloSrc`). */
  readonly places: Readonly<Partial<Record<string, Place>>>;
  readonly name: string;
  readonly ttlMs: number;
}

/** What all local methods share. */
export interface LocalActionBase extends ActionBase {
  /** `user NAME`: everything is delivered as this user; the recipient's own account if undefined. */
  readonly user: string | undefined;
  readonly aliases: ActionAliases | undefined;
  /** `forward-file [allow-exec]`: `~/.forward` is looked at. */
  readonly forwardFile: { readonly allowExec: boolean } | undefined;
  /** `userbase T`; undefined: the system's users. */
  readonly userbase: Table | undefined;
  readonly wrapper: MdaWrapper | undefined;
}

export interface MboxAction extends LocalActionBase {
  readonly kind: "mbox";
}

export interface MaildirAction extends LocalActionBase {
  readonly kind: "maildir";
  /** `~/Maildir` by default. */
  readonly path: Format;
  /** `junk`: what a header calls spam goes to `.Junk`. */
  readonly junk: boolean;
}

export interface LmtpAction extends LocalActionBase {
  readonly kind: "lmtp";
  readonly destination: LmtpDestination;
  /** `rcpt-to`: the whole address is given as the recipient, else the user name. */
  readonly rcptTo: boolean;
}

/** A format that has no specifier is resolved when the file is read. */
export type LmtpDestination =
  | { readonly kind: "endpoint"; readonly endpoint: Endpoint }
  | { readonly kind: "format"; readonly format: Format };

export interface MdaAction extends LocalActionBase {
  readonly kind: "mda";
  /** Run by `/bin/sh -c`. */
  readonly command: Format;
}

/** Recipients must expand to other addresses. */
export interface ForwardAction extends LocalActionBase {
  /** "forward-only" waits for a forward file, "expand-only" refuses without one. */
  readonly kind: "forward-only" | "expand-only";
}

export type LocalAction = MboxAction | MaildirAction | LmtpAction | MdaAction | ForwardAction;

/** How a relay uses TLS towards one host. */
export type RelayHostTls = "opportunistic" | "starttls" | "never" | "smtps";

/** One host of `relay host` or `relay domain`. */
export interface RelayHost {
  readonly protocol: "smtp" | "lmtp";
  readonly tls: RelayHostTls;
  readonly endpoint: Endpoint;
  /** `LABEL@`: key of the credentials in the `auth` table. */
  readonly label: string | undefined;
}

/** Where a relay action sends: by MX, to one of a list of hosts, to the host of the recipient's domain. */
export type RelayTo =
  | { readonly kind: "mx" }
  /** `backup`: only exchangers preferred to this one (`mx NAME`, the server name by default). */
  | { readonly kind: "backup"; readonly name: string }
  /** Tried in turn (round robin). */
  | { readonly kind: "hosts"; readonly table: Table; readonly hosts: readonly RelayHost[] }
  /** Relay URLs by the recipient's domain. */
  | { readonly kind: "domain"; readonly table: Table };

export interface RelayAction extends ActionBase {
  readonly kind: "relay";
  readonly to: RelayTo;
  /** `auth T`: `user:password` by label. */
  readonly auth: Table | undefined;
  /** `mail-from ADDR`: replaces the reverse-path; `@DOMAIN` and `USER` a part of it. "" is the null one. */
  readonly mailFrom: string | undefined;
  /** `src T`: source addresses, in turn. */
  readonly src: Table | undefined;
  /** `helo NAME`; the server name by default. */
  readonly helo: string;
  /** `helo-src T`: names by source address. */
  readonly heloSrc: Table | undefined;
  /** `tls`: required, and verified unless `no-verify`. */
  readonly tls: "opportunistic" | "verified" | "unverified";
  /** `tls fingerprint T`: it is verified by these, and by nothing else. */
  readonly fingerprints: Table | undefined;
  readonly tlsSettings: TlsSettings;
  readonly pki: Pki | undefined;
  readonly ca: Ca | undefined;
  readonly filters: readonly Filter[];
  readonly srs: boolean;
}

export type Action = LocalAction | RelayAction;
