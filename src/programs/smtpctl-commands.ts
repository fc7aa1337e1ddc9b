/**
 * The commands of smtpctl(8): what each asks the daemon, and how its answer is shown.
 *
 * Commands of OpenSMTPD that are not built yet are known by name, so that they can
 * say so. `stop` and `reload` are ours.
 */
import type { ControlRequest, Subsystem, Target } from "#model/ipc/control-link.ts";
import type { Parameters, Pattern } from "./command-words.ts";

/** How an answer is shown. */
export type Shown =
  /** One line, or one JSON text, for each row. */
  | { readonly kind: "rows" }
  /** The same, with rows of several lines. */
  | { readonly kind: "lines" }
  /** `key=value` lines, sorted, or one JSON object. */
  | { readonly kind: "values" }
  /** One line for each row, or one JSON object. */
  | { readonly kind: "states" }
  /** The stored bytes. */
  | { readonly kind: "message"; readonly id: string }
  /** `N envelopes scheduled`. */
  | { readonly kind: "count"; readonly verb: string }
  /** `command succeeded`. */
  | { readonly kind: "outcome" }
  /** What is wrong or to be known, then `WHAT reloaded`; or one JSON object of it all. */
  | { readonly kind: "reload"; readonly what: string };

export interface Asking {
  readonly request: ControlRequest;
  readonly shown: Shown;
}

export interface SmtpctlCommand extends Pattern {
  /** Undefined while the command is not built. */
  readonly ask: ((given: readonly string[]) => Asking) | undefined;
}

/** MSGID and EVPID are not zero. Source: smtpctl(8). */
export const PARAMETERS: Parameters = new Map([
  ["MSGID", /^(?!0{8}$)[0-9a-f]{8}$/i],
  ["EVPID", /^(?!0{8})[0-9a-f]{8}(?!0{8}$)[0-9a-f]{8}$/i],
  ["ROUTEID", /^[1-9][0-9]{0,19}$/],
  ["ADDR", /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i],
  ["DOMAIN", /./],
  // As long as a name may be that is asked for.
  ["TABLE", /^\P{Cc}{1,256}$/u],
  ["STRING", /^/],
]);

const SUBSYSTEMS: readonly Subsystem[] = ["mda", "mta", "smtp"];

const TRACES: readonly string[] =
  "imsg io smtp filters mta bounce scheduler lookup stat rules mproc expand all".split(" ");

const NOT_BUILT: readonly string[] = [
  "discover EVPID",
  "discover MSGID",
  "monitor",
  "pause mta from ADDR for DOMAIN",
  "profile imsg",
  "profile queue",
  "resume mta from ADDR for DOMAIN",
  "resume route ROUTEID",
  "show hosts",
  "show hoststats",
  "show mta paused",
  "show relays",
  "show routes",
  "spf walk",
  ...TRACES.map((subsystem) => `trace ${subsystem}`),
  "unprofile imsg",
  "unprofile queue",
  ...TRACES.map((subsystem) => `untrace ${subsystem}`),
];

export const COMMANDS: readonly SmtpctlCommand[] = [
  command("show queue", () => ({
    request: { kind: "show-queue", msgid: undefined },
    shown: { kind: "rows" },
  })),
  command("show queue MSGID", ([id]) => ({
    request: { kind: "show-queue", msgid: hexId(id) },
    shown: { kind: "rows" },
  })),
  command("show envelope EVPID", ([id]) => ({
    request: { kind: "show-envelope", evpid: hexId(id) },
    shown: { kind: "lines" },
  })),
  ...["EVPID", "MSGID"].map((parameter) => command(`show message ${parameter}`, showMessage)),
  command("show status", () => ({ request: { kind: "show-status" }, shown: { kind: "states" } })),
  command("show stats", () => ({ request: { kind: "show-stats" }, shown: { kind: "values" } })),
  ...onTargets("schedule", "scheduled", (target) => ({ kind: "schedule", target })),
  ...onTargets("remove", "removed", (target) => ({ kind: "remove", target })),
  ...onTargets("pause envelope", "paused", (target) => ({
    kind: "pause-envelope",
    target,
    paused: true,
  })),
  ...onTargets("resume envelope", "resumed", (target) => ({
    kind: "pause-envelope",
    target,
    paused: false,
  })),
  ...SUBSYSTEMS.flatMap((subsystem) => [
    order(`pause ${subsystem}`, { kind: "pause", subsystem, paused: true }),
    order(`resume ${subsystem}`, { kind: "pause", subsystem, paused: false }),
  ]),
  order("log brief", { kind: "log", verbose: false }),
  order("log verbose", { kind: "log", verbose: true }),
  order("stop", { kind: "stop" }),
  command("reload", () => ({
    request: { kind: "reload" },
    shown: { kind: "reload", what: "configuration" },
  })),
  command("update table TABLE", ([name = ""]) => ({
    request: { kind: "update-table", name },
    shown: { kind: "reload", what: `table ${name}` },
  })),
  ...NOT_BUILT.map((words) => command(words, undefined)),
];

function command(words: string, ask: SmtpctlCommand["ask"]): SmtpctlCommand {
  return { words: words.split(" "), ask };
}

function order(words: string, request: ControlRequest): SmtpctlCommand {
  return command(words, () => ({ request, shown: { kind: "outcome" } }));
}

function showMessage([given]: readonly string[]): Asking {
  const id = hexId(given);
  return { request: { kind: "show-message", id }, shown: { kind: "message", id } };
}

function onTargets(
  words: string,
  verb: string,
  request: (target: Target) => ControlRequest,
): readonly SmtpctlCommand[] {
  const asking = (target: Target): Asking => ({
    request: request(target),
    shown: { kind: "count", verb },
  });
  const one: SmtpctlCommand["ask"] = ([id]) => asking({ kind: "id", id: hexId(id) });
  return [
    command(`${words} EVPID`, one),
    command(`${words} MSGID`, one),
    command(`${words} all`, () => asking({ kind: "all" })),
  ];
}

/** The id as the queue writes it. */
function hexId(given = ""): string {
  return given.toLowerCase();
}
