/**
 * The commands of smtpctl(8): what each asks the daemon, and how its answer is shown.
 *
 * Commands of OpenSMTPD that mean nothing here are known by name, so that they can say so.
 * `stop` and `reload` are ours.
 */
import type { ControlRequest, Form, OrderRequest, Subsystem } from "#model/ipc/control-link.ts";
import type { RelayQuestion } from "#model/relay-report.ts";
import type { TraceSubject } from "#model/trace.ts";
import type { Parameters, Pattern } from "./command-words.ts";
import type { Shell } from "./smtpctl-completion.ts";
import type { SpoolCommand } from "./smtpctl-spool-commands.ts";
import { type QueueOptions, targetOf } from "./smtpctl-queue-options.ts";

/** How an answer is shown. */
export type Shown =
  /** One line, or one JSON text, for each row. */
  | { readonly kind: "rows" }
  /** The same, with rows of several lines. */
  | { readonly kind: "lines" }
  /** What has changed, each second. */
  | { readonly kind: "monitor" }
  /** `key=value` lines, sorted, or one JSON object. */
  | { readonly kind: "values" }
  /** One line for each row, or one JSON object. */
  | { readonly kind: "states" }
  /** The stored bytes. */
  | { readonly kind: "message"; readonly id: string }
  /** `N envelopes scheduled`; or how many would be, and some of them. */
  | { readonly kind: "count"; readonly verb: string }
  /** `command succeeded`. */
  | { readonly kind: "outcome" }
  /** What is wrong or to be known, then `WHAT reloaded`; or one JSON object of it all. */
  | { readonly kind: "reload"; readonly what: string };

export interface Asking {
  readonly request: ControlRequest;
  readonly shown: Shown;
}

/**
 * What a command takes beside `--json` and `--state DIR`: `view` the configuration that has
 * the keys of a spool, `queue-view` also what selects and counts, `order` what selects and
 * `-y`, `selection` the same, but something must select; `trace` the configuration and a time.
 */
export type Takes = "nothing" | "view" | "queue-view" | "order" | "selection" | "trace";

/** @param given for the parameters, in their order. */
type Ask = (given: readonly string[], options: QueueOptions, form: Form) => Asking;

export type SmtpctlCommand = Pattern &
  (
    | {
        readonly kind: "asking";
        readonly takes: Takes;
        readonly ask: Ask;
      }
    /** A command with options of its own: smtpctl-own-options.ts. */
    | { readonly kind: "own"; readonly command: OwnCommand }
    /** One that is known by name alone; `why` goes on where the words end. */
    | { readonly kind: "missing"; readonly why: string }
  );

export type OwnCommand =
  | `completion ${Shell}`
  | "config diff"
  | "doctor"
  | "encrypt"
  | "explain"
  | "import opensmtpd"
  | "spf walk"
  | `spool ${Exclude<SpoolCommand, "import">}`
  | "version";

/** MSGID and EVPID are not zero. Source: smtpctl(8). */
export const PARAMETERS: Parameters = new Map([
  ["MSGID", /^(?!0{8}$)[0-9a-f]{8}$/i],
  ["EVPID", /^(?!0{8})[0-9a-f]{8}(?!0{8}$)[0-9a-f]{8}$/i],
  ["ROUTEID", /^[1-9][0-9]{0,14}$/],
  ["ADDR", /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i],
  ["DOMAIN", /^[^\s\p{Cc}]{1,255}$/u],
  // As long as a name may be that is asked for.
  ["TABLE", /^\P{Cc}{1,256}$/u],
  ["STRING", /^/],
  ["MESSAGE-ID", /^<[!-;=?-~]{1,250}>$/],
  ["ADDRESS", /^[^\s<>]{1,500}@[^\s<>@]{1,255}$/u],
]);

const SUBSYSTEMS: readonly Subsystem[] = ["mda", "mta", "smtp"];

const TRACES: readonly string[] =
  "imsg io smtp filters mta bounce scheduler lookup stat rules mproc expand all".split(" ");

/** What is shown of relaying; a relay has several lines. */
const RELAYING: readonly (readonly [
  words: string,
  RelayQuestion,
  Shown["kind"] & ("rows" | "lines"),
])[] = [
  ["show hosts", "hosts", "rows"],
  ["show hoststats", "domains", "rows"],
  ["show routes", "routes", "rows"],
  ["show relays", "relays", "lines"],
];

const NO_DISCOVERY =
  "there is nothing to discover: the queue is a journal, and no file can be put into it by hand";
const NO_TRACES =
  "nothing is traced by subsystem: `log verbose` logs more, and `trace` tells of messages and addresses";
const NO_PROFILE = "nothing is profiled by subsystem: `show stats` and `monitor` have figures";

/** Words of OpenSMTPD that mean nothing here. */
const MEANINGLESS: readonly (readonly [words: string, why: string])[] = [
  ["discover EVPID", NO_DISCOVERY],
  ["discover MSGID", NO_DISCOVERY],
  ...["profile", "unprofile"].flatMap((word) =>
    ["imsg", "queue"].map((subsystem) => [`${word} ${subsystem}`, NO_PROFILE] as const),
  ),
  ...["trace", "untrace"].flatMap((word) =>
    TRACES.map((subsystem) => [`${word} ${subsystem}`, NO_TRACES] as const),
  ),
];

export const COMMANDS: readonly SmtpctlCommand[] = [
  command("show queue", "queue-view", (_given, options, form) =>
    showQueue(undefined, options, form),
  ),
  command("show queue MSGID", "queue-view", ([id], options, form) =>
    showQueue(hexId(id), options, form),
  ),
  command("show envelope EVPID", "view", ([id]) => ({
    request: { kind: "show-envelope", evpid: hexId(id) },
    shown: { kind: "lines" },
  })),
  ...["EVPID", "MSGID"].map((parameter) =>
    command(`show message ${parameter}`, "view", showMessage),
  ),
  traceOf("MSGID", (id) => ({ kind: "id", id: hexId(id) })),
  traceOf("EVPID", (id) => ({ kind: "id", id: hexId(id) })),
  traceOf("MESSAGE-ID", (messageId) => ({ kind: "message-id", messageId })),
  traceOf("ADDRESS", (address) => ({ kind: "address", address })),
  command("show status", "nothing", () => ({
    request: { kind: "show-status" },
    shown: { kind: "states" },
  })),
  command("show stats", "nothing", () => ({
    request: { kind: "show-stats" },
    shown: { kind: "values" },
  })),
  ...RELAYING.map(([words, question, kind]) =>
    command(words, "nothing", () => ({
      request: { kind: "show-relaying", question },
      shown: { kind },
    })),
  ),
  command("show mta paused", "nothing", () => ({
    request: { kind: "show-blocks" },
    shown: { kind: "rows" },
  })),
  command("monitor", "nothing", () => ({
    request: { kind: "show-stats" },
    shown: { kind: "monitor" },
  })),
  ...onTargets("schedule", "scheduled", (order) => ({ kind: "schedule", ...order })),
  ...onTargets("remove", "removed", (order) => ({ kind: "remove", ...order })),
  ...onTargets("pause envelope", "paused", (order) => ({
    kind: "pause-envelope",
    ...order,
    paused: true,
  })),
  ...onTargets("resume envelope", "resumed", (order) => ({
    kind: "pause-envelope",
    ...order,
    paused: false,
  })),
  ...SUBSYSTEMS.flatMap((subsystem) => [
    simple(`pause ${subsystem}`, { kind: "pause", subsystem, paused: true }),
    simple(`resume ${subsystem}`, { kind: "pause", subsystem, paused: false }),
  ]),
  ...onBlocks("pause", true),
  ...onBlocks("resume", false),
  command("resume route ROUTEID", "nothing", ([id]) => ({
    request: { kind: "resume-route", route: Number(id) },
    shown: { kind: "outcome" },
  })),
  simple("log brief", { kind: "log", verbose: false }),
  simple("log verbose", { kind: "log", verbose: true }),
  simple("stop", { kind: "stop" }),
  simple("send tls-reports", { kind: "send-tls-reports" }),
  command("reload", "nothing", () => ({
    request: { kind: "reload" },
    shown: { kind: "reload", what: "configuration" },
  })),
  command("update table TABLE", "nothing", ([name = ""]) => ({
    request: { kind: "update-table", name },
    shown: { kind: "reload", what: `table ${name}` },
  })),
  own("completion bash"),
  own("completion zsh"),
  own("config diff"),
  own("doctor"),
  own("encrypt"),
  own("explain"),
  own("import opensmtpd"),
  own("spf walk"),
  own("spool verify"),
  own("spool compact"),
  own("spool export"),
  own("version"),
  ...MEANINGLESS.map(([words, why]) => missing(words, `: ${why}`)),
];

function command(words: string, takes: Takes, ask: Ask): SmtpctlCommand {
  return { kind: "asking", words: words.split(" "), takes, ask };
}

function traceOf(parameter: string, subjectOf: (given: string) => TraceSubject): SmtpctlCommand {
  return command(`trace ${parameter}`, "trace", ([given = ""], { since }) => ({
    request: { kind: "show-trace", subject: subjectOf(given), since },
    shown: { kind: "rows" },
  }));
}

function own(words: OwnCommand): SmtpctlCommand {
  return { kind: "own", words: words.split(" "), command: words };
}

function missing(words: string, why: string): SmtpctlCommand {
  return { kind: "missing", words: words.split(" "), why };
}

/** One that succeeds or fails. */
function simple(words: string, request: ControlRequest): SmtpctlCommand {
  return command(words, "nothing", () => ({ request, shown: { kind: "outcome" } }));
}

function showQueue(msgid: string | undefined, options: QueueOptions, form: Form): Asking {
  const { view, limit } = options;
  if (view === "envelopes") {
    const target = targetOf(options, msgid);
    return { request: { kind: "show-queue", target, form }, shown: { kind: "rows" } };
  }
  const by = view === "count" ? undefined : view;
  // Of groups the largest are shown: all envelopes are counted.
  const target = targetOf(by === undefined ? options : { ...options, limit: undefined }, msgid);
  const groups = by === undefined ? undefined : limit;
  return { request: { kind: "show-counts", target, by, groups }, shown: { kind: "rows" } };
}

function showMessage([given]: readonly string[]): Asking {
  const id = hexId(given);
  return { request: { kind: "show-message", id }, shown: { kind: "message", id } };
}

/** Without an id or `all`, a command is about what its options select; there has to be one. */
function onTargets(
  words: string,
  verb: string,
  request: (order: Pick<OrderRequest, "target" | "isSure">) => OrderRequest,
): readonly SmtpctlCommand[] {
  const ask: Ask = ([id], options) => {
    const target = targetOf(options, id === undefined ? undefined : hexId(id));
    return {
      request: request({ target, isSure: options.isSure }),
      shown: { kind: "count", verb },
    };
  };
  return [
    ...["EVPID", "MSGID", "all"].map((which) => command(`${words} ${which}`, "order", ask)),
    command(words, "selection", ask),
  ];
}

/** Without `for`, of the whole source. */
function onBlocks(verb: string, isBlocked: boolean): readonly SmtpctlCommand[] {
  const ask: Ask = ([source = "", domain = ""]) => ({
    request: { kind: "block", block: { source, domain }, isBlocked },
    shown: { kind: "outcome" },
  });
  return [
    command(`${verb} mta from ADDR`, "nothing", ask),
    command(`${verb} mta from ADDR for DOMAIN`, "nothing", ask),
  ];
}

/** The id as the queue writes it. */
function hexId(given = ""): string {
  return given.toLowerCase();
}
