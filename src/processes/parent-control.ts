/**
 * The parent's answers to smtpctl: the state of the subsystems, the counters of
 * the dispatchers, and the orders that concern the daemon as a whole.
 */
import { unreachable } from "#base/unreachable.ts";
import { type Complaint, formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import { type OutlineItem, outlineOf } from "#model/config/outline.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  done,
  failed,
  isForQueue,
  type Subsystem,
} from "#model/ipc/control-link.ts";
import type { Counter } from "#model/ipc/parent-link.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { counterRow } from "./counter-row.ts";
import type { RelayBlocks } from "./relay-blocks.ts";
import { formatStranded, type Reloaded } from "./reloads.ts";

/** What the parent can be asked to do. */
export interface DaemonHandles {
  /** The one in use. */
  readonly config: Config;
  readonly smtpPaused: boolean;
  pauseSmtp(paused: boolean): void;
  /** The queue has done so; the next one is to start like that. */
  deliveryPaused(subsystem: DeliverySubsystem, paused: boolean): void;
  readonly blocks: RelayBlocks;
  setVerbose(verbose: boolean): void;
  /** The counters of every dispatcher that answers. */
  counters(): Promise<readonly Counter[]>;
  stop(): void;
  /** Reads the configuration again, or one table of it, and takes it up if it is right. */
  reload(): Promise<Reloaded>;
  updateTable(name: string): Promise<Reloaded>;
  /** False: nobody has any. */
  sendTlsReports(): boolean;
  /** What one of the dispatchers says. */
  explain(question: ExplainQuestion): Promise<Explanation | ExplainFault>;
}

const NOT_HERE = "Not for the parent";

/** Of a complaint: whatever a file may hold, an answer has room for it. */
const MAX_SHOWN: number = 8 * 1024;
/** A count is 32 bits on the wire. */
const MAX_U32 = 0xffff_ffff;

/** Carries out one request and gives its answers, the last of which is "done". */
export async function answerControl(
  request: ControlRequest,
  daemon: DaemonHandles,
): Promise<readonly ControlAnswer[]> {
  if (isForQueue(request)) return [failed(NOT_HERE)];
  if (isAboutBlocks(request)) return answerBlocks(request, daemon);
  switch (request.kind) {
    case "show-status": {
      const state = daemon.smtpPaused ? "paused" : "running";
      const row = { line: `SMTP ${state}`, json: JSON.stringify({ smtp: state }) };
      return [{ kind: "row", ...row }, done()];
    }
    case "show-stats":
      return [...summed(await daemon.counters()).map(counterRow), done()];
    case "pause":
      return [pause(request.subsystem, request.paused, daemon)];
    case "log":
      daemon.setVerbose(request.verbose);
      return [done()];
    case "stop":
      daemon.stop();
      return [done()];
    case "reload":
      return answerReload(await daemon.reload());
    case "update-table":
      return answerReload(await daemon.updateTable(request.name));
    case "explain":
      return [{ kind: "explained", answer: await daemon.explain(request.question) }, done()];
    case "send-tls-reports":
      return [daemon.sendTlsReports() ? done() : failed("no TLS reports are configured")];
    case "outline":
      return [...outlineOf(daemon.config, "left-out").map(outlined), done()];
    default:
      return unreachable(request);
  }
}

type AboutBlocks = Extract<ControlRequest, { readonly kind: "show-blocks" | "block" }>;

function isAboutBlocks(request: ControlRequest): request is AboutBlocks {
  return request.kind === "show-blocks" || request.kind === "block";
}

function answerBlocks(request: AboutBlocks, { blocks }: DaemonHandles): readonly ControlAnswer[] {
  if (request.kind === "show-blocks") return [...blocks.rows(), done()];
  return [request.isBlocked ? blocks.block(request.block) : blocks.unblock(request.block)];
}

function outlined(item: OutlineItem): ControlAnswer {
  return { kind: "outlined", item };
}

function pause(subsystem: Subsystem, paused: boolean, daemon: DaemonHandles): ControlAnswer {
  if (subsystem !== "smtp") {
    daemon.deliveryPaused(subsystem, paused);
    return done();
  }
  if (daemon.smtpPaused === paused) return failed(paused ? "already paused" : "already running");
  daemon.pauseSmtp(paused);
  return done();
}

/** A row for each complaint, and one for what waits for actions that are gone. */
function answerReload(reloaded: Reloaded): readonly ControlAnswer[] {
  const complaints = reloaded.complaints.map(
    (complaint): ControlAnswer => ({
      kind: "row",
      line: formatComplaint(complaint).slice(0, MAX_SHOWN),
      json: JSON.stringify({ complaint: plain(complaint) }),
    }),
  );
  if (reloaded.kind === "refused") return [...complaints, failed(reloaded.why)];
  const { stranded } = reloaded;
  const line = formatStranded(stranded) ?? "";
  const row: ControlAnswer = { kind: "row", line, json: JSON.stringify({ stranded }) };
  return [...complaints, row, done(Math.min(stranded.envelopes, MAX_U32))];
}

function plain({ severity, at, message, hint }: Complaint): Readonly<Record<string, unknown>> {
  return {
    severity,
    ...at,
    message: message.slice(0, MAX_SHOWN),
    hint: hint.slice(0, MAX_SHOWN),
  };
}

function summed(counters: readonly Counter[]): readonly Counter[] {
  const sums = new Map<string, number>();
  for (const { name, value } of counters) sums.set(name, (sums.get(name) ?? 0) + value);
  return [...sums].map(([name, value]) => ({ name, value }));
}
