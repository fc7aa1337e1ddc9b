/**
 * `smtpctl monitor`: a line each second of what has come and gone since the last one. The
 * first line has what there was before.
 *
 * Columns, widths and the header are OpenSMTPD's, for scripts that read them. Source:
 * OpenSMTPD smtpctl.c (do_monitor).
 */
import type { Clock } from "#base/ports/clock.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { converse } from "./smtpctl-conversation.ts";
import type { Inquiry, InquirySetting } from "./smtpctl-inquiry.ts";
import { MergedRows } from "./smtpctl-printer.ts";

const EXIT_FAILED = 1;
const INTERVAL_MS = 1000;
const LINES_PER_HEADER = 25;

const HEADER: string =
  "--- client ---  -- envelope --   ---- relay/delivery --- ------- misc -------\n" +
  "curr conn disc  curr  enq  deq   ok tmpfail prmfail loop expire remove bounce\n";

/** What is counted, all from the start of the daemon on; the first two are how many there are. */
interface Digest {
  readonly clients: number;
  readonly envelopes: number;
  readonly connected: number;
  readonly enqueued: number;
  readonly ok: number;
  readonly tempfail: number;
  readonly permfail: number;
  readonly loop: number;
  readonly expired: number;
  readonly removed: number;
  readonly bounces: number;
}

const NOTHING: Digest = {
  clients: 0,
  envelopes: 0,
  connected: 0,
  enqueued: 0,
  ok: 0,
  tempfail: 0,
  permfail: 0,
  loop: 0,
  expired: 0,
  removed: 0,
  bounces: 0,
};

export interface MonitorSetting extends Pick<InquirySetting, "network" | "output"> {
  readonly clock: Clock;
  readonly interruption: () => AbortSignal;
}

/** Until it is interrupted, which is its good end, or the daemon does not answer. */
export async function monitor(
  { request, socketPath, form }: Inquiry,
  { network, clock, output, interruption }: MonitorSetting,
): Promise<number> {
  const interrupted = interruption();
  let last = NOTHING;
  for (let lines = 0; !interrupted.aborted; lines++) {
    const rows = new MergedRows();
    const answer = await converse(
      network,
      { socketPath, request },
      { take: (part) => rows.take(part), drained: () => undefined },
    );
    if (interrupted.aborted) break;
    if (answer.kind !== "done" || !answer.ok) {
      const why = answer.kind === "done" ? answer.text : answer.why;
      output.complain(`smtpctl: ${printable(why)}\n`);
      return EXIT_FAILED;
    }
    const digest = digestOf(rows.values);
    const columns = columnsOf(digest, last);
    if (form === "json") output.print(`${JSON.stringify(columns)}\n`);
    else output.print(`${headerBefore(lines)}${formatColumns(columns)}\n`);
    last = digest;
    await output.drained();
    await pause(clock, interrupted);
  }
  return 0;
}

function digestOf(values: ReadonlyMap<string, unknown>): Digest {
  const figure = (name: string): number => {
    const value = values.get(name);
    return typeof value === "number" ? value : 0;
  };
  return {
    clients: figure("smtp.session"),
    envelopes: figure("scheduler.envelope"),
    connected:
      figure("smtp.session.inet4") + figure("smtp.session.inet6") + figure("smtp.session.local"),
    // A bounce comes from inside.
    enqueued: figure("scheduler.envelope.incoming") + figure("queue.bounce"),
    ok: figure("scheduler.delivery.ok"),
    tempfail: figure("scheduler.delivery.tempfail"),
    permfail: figure("scheduler.delivery.permfail"),
    loop: figure("scheduler.delivery.loop"),
    expired: figure("scheduler.envelope.expired"),
    removed: figure("scheduler.envelope.removed"),
    bounces: figure("queue.bounce"),
  };
}

type Columns = ReturnType<typeof columnsOf>;

/** Two of them are how many there are, the others what has changed. */
function columnsOf(now: Digest, last: Digest) {
  const since = (name: keyof Digest): number => Math.max(0, now[name] - last[name]);
  const connected = since("connected");
  const enqueued = since("enqueued");
  return {
    clients: now.clients,
    connected,
    disconnected: Math.max(0, connected - (now.clients - last.clients)),
    envelopes: now.envelopes,
    enqueued,
    dequeued: Math.max(0, enqueued - (now.envelopes - last.envelopes)),
    ok: since("ok"),
    tempfail: since("tempfail"),
    permfail: since("permfail"),
    loop: since("loop"),
    expired: since("expired"),
    removed: since("removed"),
    bounces: since("bounces"),
  };
}

function formatColumns(columns: Columns): string {
  const { clients, connected, disconnected, envelopes, enqueued, dequeued } = columns;
  const { ok, tempfail, permfail, loop, expired, removed, bounces } = columns;
  return (
    `${four(clients)} ${four(connected)} ${four(disconnected)}  ` +
    `${four(envelopes)} ${four(enqueued)} ${four(dequeued)} ` +
    `${four(ok)}    ${four(tempfail)}    ${four(permfail)} ${four(loop)}   ` +
    `${four(expired)}   ${four(removed)}   ${four(bounces)}`
  );
}

function four(value: number): string {
  return String(value).padStart(4);
}

function headerBefore(lines: number): string {
  if (lines % LINES_PER_HEADER !== 0) return "";
  return lines === 0 ? HEADER : `\n${HEADER}`;
}

function pause(clock: Clock, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(INTERVAL_MS, finish);
    function finish(): void {
      cancel();
      interrupted.removeEventListener("abort", finish);
      resolve();
    }
    interrupted.addEventListener("abort", finish);
  });
}
