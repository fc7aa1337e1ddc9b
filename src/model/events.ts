/**
 * What happened, as data. Engines emit events; the log, the counters and the
 * trace only subscribe. Names follow OpenSMTPD's log lines.
 */
import type { LocalUser } from "#base/endpoint.ts";
import type { Action as NoticeAction } from "#protocols/dsn/delivery-status.ts";
import type { AuthResult } from "./authentication.ts";
import type { DeliveryResult } from "./delivery.ts";
import type { Envelope, Message } from "./envelope.ts";
import type { LimitName, NoticeLimit } from "./limit-name.ts";
import type { Order } from "./trace.ts";

/** No server, none of a family of addresses that may be used, or none that may be tried now. */
export type RouteLack = "no-mx" | "family-mismatch" | "no-valid-route";

export type Event =
  | {
      readonly kind: "smtp-connected";
      readonly session: string;
      readonly address: string;
      readonly hostname: string;
      /** Of this machine, if the client is one and the system was asked. */
      readonly user: LocalUser | undefined;
    }
  /** A proxy has said for whom it connects; before the session is told of. */
  | { readonly kind: "smtp-proxied"; readonly session: string; readonly address: string }
  | {
      readonly kind: "smtp-failed-command";
      readonly session: string;
      readonly command: string;
      readonly reply: string;
      /** What the client was not told, or "". */
      readonly why: string;
      /** The limit that it ran into. */
      readonly limit: LimitName | undefined;
    }
  | {
      readonly kind: "smtp-authentication";
      readonly session: string;
      readonly mechanism: string;
      /** Who has authenticated, or who it was that could not; "" if that was not said. */
      readonly user: string;
      readonly result: AuthResult;
    }
  | {
      readonly kind: "smtp-tls";
      readonly session: string;
      /** `TLSv1.3`. */
      readonly version: string;
      readonly cipher: string;
      readonly bits: number;
      /** What the client asked for, or "". */
      readonly serverName: string;
      /** Name of the pki that was shown. */
      readonly identity: string;
      readonly resumed: boolean;
    }
  | {
      readonly kind: "smtp-cert-check";
      readonly session: string;
      readonly verified: boolean;
      /** Why it is not, or "". */
      readonly why: string;
      readonly fingerprint: string;
      readonly keyFingerprint: string;
    }
  | { readonly kind: "smtp-bad-input"; readonly session: string; readonly reply: string }
  | {
      readonly kind: "smtp-message";
      readonly session: string;
      /** By how the client has greeted: HELO, EHLO or LHLO. */
      readonly protocol: "SMTP" | "ESMTP" | "LMTP";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
    }
  | {
      readonly kind: "smtp-disconnected";
      readonly session: string;
      readonly reason: string;
      /** The limit that ended it. */
      readonly limit: LimitName | undefined;
    }
  | {
      readonly kind: "smtp-turned-away";
      readonly limit: LimitName;
      /** Of the last one. */
      readonly address: string;
      /** How many there were since the last event with this limit. */
      readonly clients: number;
    }
  | { readonly kind: "smtp-stress"; readonly state: "begins" | "ends"; readonly sessions: number }
  | {
      readonly kind: "mta-connecting";
      readonly session: string;
      readonly address: string;
      readonly host: string;
    }
  | { readonly kind: "mta-connected"; readonly session: string }
  | {
      readonly kind: "mta-tls";
      readonly session: string;
      /** What was asked for, in a word: policyWord. */
      readonly policy: string;
      /** `TLSv1.3`. */
      readonly version: string;
      readonly cipher: string;
      readonly bits: number;
      /** What was asked for. */
      readonly serverName: string;
      readonly resumed: boolean;
    }
  | {
      readonly kind: "mta-cert-check";
      readonly session: string;
      /** The server has shown that it is the one that is meant. */
      readonly verified: boolean;
      /** What is wrong with its certificate, or "". */
      readonly why: string;
      readonly fingerprint: string;
      readonly keyFingerprint: string;
    }
  | { readonly kind: "mta-error"; readonly session: string; readonly reason: string }
  /** A session that could be ends for its TLS. */
  | { readonly kind: "mta-closing"; readonly session: string; readonly reason: "tls-failure" }
  /** Of many messages in one session the server took none. */
  | { readonly kind: "mta-rejects-all"; readonly session: string }
  | {
      readonly kind: "mta-disconnected";
      readonly session: string;
      readonly reason: string;
      readonly messages: number;
    }
  /** From one of our addresses ("": any) to one of a server's: not used for a while, or again. */
  | {
      readonly kind: "route-disabled";
      readonly source: string;
      readonly address: string;
      readonly host: string;
      readonly forMs: number;
      readonly reason: string;
    }
  | {
      readonly kind: "route-enabled";
      readonly source: string;
      readonly address: string;
      readonly host: string;
    }
  /** There was nowhere to connect to for `destination`, a domain or the name of a host. */
  | { readonly kind: "route-lacking"; readonly lack: RouteLack; readonly destination: string }
  /** The queue has a message: it is durable. The log has its lines from the session that it came by. */
  | {
      readonly kind: "queued";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      /** Its text, or the beginning of it; nothing where it cannot be read. Borrowed. */
      readonly pieces: readonly Uint8Array[];
    }
  | {
      readonly kind: "delivery";
      readonly message: Message;
      readonly envelope: Envelope;
      readonly result: DeliveryResult;
      readonly delayMs: number;
      readonly attempt: AttemptFacts;
    }
  /** An attempt begins at what was due for so long; `reason` names what it waited for. */
  | {
      readonly kind: "waited";
      readonly evpids: readonly string[];
      readonly waitedMs: number;
      readonly reason: string;
    }
  /** An operator has changed when they are tried. */
  | { readonly kind: "ordered"; readonly evpids: readonly string[]; readonly order: Order }
  | {
      readonly kind: "expired" | "removed";
      readonly message: Message;
      readonly envelope: Envelope;
      readonly delayMs: number;
      readonly diagnostic: string;
    }
  | {
      readonly kind: "bounce";
      readonly message: Message;
      readonly msgid: string;
      /** As in RFC 3464 §2.3.3. */
      readonly action: NoticeAction;
    }
  | {
      readonly kind: "bounce-dropped";
      readonly message: Message;
      readonly why: string;
      readonly action: NoticeAction;
      /** The limit that it would have broken. */
      readonly limit: NoticeLimit | undefined;
    }
  | {
      readonly kind: "spool-damage";
      readonly file: string;
      readonly offset: number;
      readonly reason: string;
    }
  | { readonly kind: "spool-trouble"; readonly what: string; readonly cause: string }
  /** A start that takes long goes on. */
  | {
      readonly kind: "spool-progress";
      /** What is being read: "journal" is counted in bytes, the others in messages. */
      readonly step: "checkpoint" | "journal" | "blobs" | "messages";
      readonly done: number;
      readonly of: number;
    }
  | {
      readonly kind: "spool-recovered";
      readonly messages: number;
      readonly envelopes: number;
      readonly tookMs: number;
    }
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "error"; readonly text: string };

/** What the queue knows of an attempt. Wall-clock milliseconds. */
export interface AttemptFacts {
  readonly beganAtMs: number;
  readonly tookMs: number;
  /** Counts from 1. */
  readonly number: number;
  /** 0 if there is none. */
  readonly nextTryAtMs: number;
}

/** Takes an event; must not throw and must return at once. */
export type Observe = (event: Event) => void;
