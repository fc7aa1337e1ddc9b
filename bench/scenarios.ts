/**
 * What is measured. Each scenario is one kind of load with one fate of its messages;
 * 50 sessions and 4 KiB messages where nothing else is said.
 */
import { SYSTEM_USERS, systemUserName } from "./system-users.ts";

/** Who makes the load: Debian's smtp-source and bench/tls-load.c, which are compiled, or bench/loader.ts. */
export type LoaderName = "smtp-source" | "tls-load" | "own";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly fate: "kept" | "relayed" | "maildir" | "homes" | "lmtp";
  readonly sessions: number;
  readonly messages: number;
  readonly messageBytes: number;
  readonly perConnection: number;
  /** Recipients taken in turn. */
  readonly users: number;
  /** Messages that go out over one connection: as many as the server likes, or one. */
  readonly outgoing: "reused" | "single";
  /** Messages to each recipient before it is measured; how long they took is told beside it. */
  readonly firstEach: number;
  /** Clients say STARTTLS before all else, and no session is taken up again. */
  readonly tls: boolean;
  /** Whether other servers take part; where not, the scenario has a figure to reach by itself. */
  readonly isCompared: boolean;
  /** The only loader that can make this load; undefined if any can. */
  readonly loader: LoaderName | undefined;
}

const USUAL = {
  fate: "kept",
  sessions: 50,
  messages: 10_000,
  messageBytes: 4096,
  perConnection: 1,
  users: 1,
  outgoing: "reused",
  firstEach: 0,
  tls: false,
  isCompared: true,
  loader: undefined,
} as const;

/** Sessions that are greeted and then say nothing. */
const IDLE = { ...USUAL, messages: 0, loader: "own" } as const;

/**
 * Enough for a server to be as it is for all but the first seconds of its life: what runs
 * on a just-in-time compiler needs some ten thousand messages to get there.
 */
const WARM_MESSAGES = 40_000;
/** The same for what goes on to its end, which is slower. */
const WARM_DELIVERIES = 20_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    ...USUAL,
    name: "accept",
    title: "accept, a new connection for each message",
    messages: WARM_MESSAGES,
  },
  {
    ...USUAL,
    name: "accept-cold",
    title: "accept, a new connection for each message, the first messages of a fresh process",
  },
  {
    ...USUAL,
    name: "accept-reused",
    title: "accept, connections reused (100 messages each; smtp-source: all)",
    messages: WARM_MESSAGES,
    perConnection: 100,
  },
  {
    ...USUAL,
    name: "accept-latency",
    title: "accept at one message at a time (1 session), for the latency",
    sessions: 1,
    messages: 1000,
    perConnection: 100,
    loader: "own",
  },
  {
    ...USUAL,
    name: "accept-tls",
    title: "accept over STARTTLS (TLS 1.3, ECDSA P-256), a new connection for each message",
    messages: 20_000,
    tls: true,
  },
  {
    ...USUAL,
    name: "relay",
    title: "accept and relay to a sink, end to end",
    fate: "relayed",
  },
  {
    ...USUAL,
    name: "relay-reused",
    title: "accept and relay to a sink, end to end, connections reused on both sides",
    fate: "relayed",
    messages: WARM_DELIVERIES,
    perConnection: 100,
  },
  {
    ...USUAL,
    name: "relay-single",
    title:
      "accept and relay to a sink, end to end, a new connection for each message on both sides",
    fate: "relayed",
    messages: WARM_DELIVERIES,
    outgoing: "single",
  },
  {
    ...USUAL,
    name: "maildir",
    title: "accept and deliver to 50 Maildirs, end to end",
    fate: "maildir",
    messages: 4000,
    users: 50,
  },
  {
    ...USUAL,
    name: "maildir-one",
    title: "accept and deliver to the Maildir of one virtual user, end to end",
    fate: "maildir",
    messages: WARM_DELIVERIES,
    perConnection: 100,
  },
  {
    ...USUAL,
    name: "homes",
    title:
      "accept and deliver to the Maildirs of 100 users of the system, each as its owner, end to end",
    fate: "homes",
    users: SYSTEM_USERS,
    messages: WARM_DELIVERIES,
    sessions: 100,
    perConnection: 100,
    firstEach: 1,
  },
  {
    ...USUAL,
    name: "lmtp",
    title: "accept and deliver to an LMTP sink, end to end",
    fate: "lmtp",
    messages: WARM_DELIVERIES,
    perConnection: 100,
  },
  {
    ...USUAL,
    name: "large",
    title: "accept 10 MiB messages (10 sessions)",
    sessions: 10,
    messages: 100,
    messageBytes: 10 * 1024 * 1024 - 2048,
  },
  {
    ...IDLE,
    name: "idle",
    title: "idle sessions after EHLO: memory, and the greeting of 200 new clients meanwhile",
    sessions: 10_000,
    isCompared: false,
  },
  {
    ...IDLE,
    name: "idle-tls",
    title: "idle sessions over STARTTLS: memory, and the greeting of 200 new clients meanwhile",
    sessions: 10_000,
    tls: true,
    isCompared: false,
  },
  {
    ...IDLE,
    name: "idle-compared",
    title: "idle sessions after EHLO: memory, beside a server with a process for each",
    sessions: 2000,
  },
];

/** The local parts of the addresses of `scenario`. */
export function localPartsOf({ fate, users }: Scenario): readonly string[] {
  return Array.from({ length: users }, (_, index) =>
    fate === "homes" ? systemUserName(index + 1) : `u${index + 1}`,
  );
}
