/**
 * The meaning of smtpd.conf(5), with nothing left to interpret: durations are
 * milliseconds, sizes bytes, names references, defaults filled in, every value
 * frozen and with the place that it came from. Its parts have files of their own:
 * listener.ts, table.ts, filter.ts, action.ts, rule.ts, pki.ts, oauth.ts.
 *
 * Text becomes this in four steps, each a pure function in a file of its own:
 * lexer.ts, parser.ts (syntax tree), build.ts (this), and complaints from all.
 * What is in here is not necessarily built: not-built.ts knows which parts of a
 * configuration the daemon cannot carry out yet.
 */
import type { Action, MdaWrapper } from "./action.ts";
import type { Filter, Proc } from "./filter.ts";
import type { MdaLimits, MtaLimits, SchedulerLimits } from "./limits.ts";
import type { Listener } from "./listener.ts";
import type { OAuth } from "./oauth.ts";
import type { Ca, Pki } from "./pki.ts";
import type { Place } from "./place.ts";
import type { Rule } from "./rule.ts";
import type { Table } from "./table.ts";
import type { TlsSettings } from "./tls-settings.ts";

/** Values of the whole server. */
export interface Settings {
  /** `compat opensmtpd`: what nooSMTPD's safer rules change is as it was. */
  readonly compat: "none" | "opensmtpd";
  /** Identifies the administrative domain to filters; the server name by default. */
  readonly admd: string;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
  readonly subAddressDelimiter: string;
  /** `smtp tls …`: for listeners and relays that do not say. */
  readonly tls: TlsSettings;
  readonly queueTtlMs: number;
  readonly queueCompression: "off" | "zstd" | "gzip";
  readonly queueEncryption:
    | { readonly kind: "off" }
    | { readonly kind: "key"; readonly key: string }
    /** Read at start (queue-key-text.ts). */
    | { readonly kind: "file"; readonly path: string }
    /** Asked for at start: on the terminal, or as the first line of the standard input. */
    | { readonly kind: "terminal" | "stdin" };
  /** Whether the trace of messages is kept, and with which recipients. */
  readonly traceRecipients: "whole" | "masked" | "off";
  readonly traceAgeMs: number;
  /** Of its files. */
  readonly traceBytes: number;
  /** Ages at which a sender is told of a delay; ascending. */
  readonly bounceWarnIntervalsMs: readonly number[];
  readonly srs:
    | {
        readonly key: string;
        readonly backupKey: string | undefined;
        readonly ttlMs: number;
      }
    | undefined;
  readonly mtaMaxDeferred: number;
  /** Policies of MTA-STS are fetched and obeyed. */
  readonly mtaSts: boolean;
  /** Domains are told how TLS with their servers went; undefined: they are not. */
  readonly tlsReports:
    | {
        /** A mail address. */
        readonly from: string;
        /** Undefined: it is called as the server is. */
        readonly organization: string | undefined;
      }
    | undefined;
  readonly mtaLimits: MtaLimits;
  /** `mta limit for domain D …`: whole sets, by domain in lower case. */
  readonly mtaDomainLimits: ReadonlyMap<string, MtaLimits>;
  readonly mdaLimits: MdaLimits;
  readonly schedulerLimits: SchedulerLimits;
}

export interface Config extends Settings {
  /** The server's own name: `/etc/mail/mailname`, else the host name. */
  readonly serverName: string;
  /**
   * Where the settings come from, by their words (`queue ttl`, `mta limit
   * session-keepalive`, `mta limit for domain example.org inet4`); one that is not in
   * here has its default.
   */
  readonly places: ReadonlyMap<string, Place>;
  readonly listeners: readonly Listener[];
  readonly tables: ReadonlyMap<string, Table>;
  readonly pkis: ReadonlyMap<string, Pki>;
  readonly cas: ReadonlyMap<string, Ca>;
  readonly oauths: ReadonlyMap<string, OAuth>;
  /** What is in the files of `client … secret`, by path. */
  readonly oauthSecrets: ReadonlyMap<string, string>;
  readonly procs: ReadonlyMap<string, Proc>;
  readonly filters: ReadonlyMap<string, Filter>;
  readonly mdaWrappers: ReadonlyMap<string, MdaWrapper>;
  readonly actions: ReadonlyMap<string, Action>;
  /** In the order written: the first match decides. */
  readonly rules: readonly Rule[];
  /** Texts of the files that aliases include, by path; one that could not be read is missing. */
  readonly includes: ReadonlyMap<string, string>;
}
