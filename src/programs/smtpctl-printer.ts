/**
 * What smtpctl(8) prints of an answer: OpenSMTPD's lines, or with `--json` one JSON
 * text a line.
 *
 * Text that came with mail is never given to a terminal as it is. A failure goes to
 * standard error, so that what is shown can be read by programs.
 */
import type { Form } from "#model/ipc/control-link.ts";
import { formatDuration } from "#engine/observe/duration.ts";
import { printable, printableJson } from "#engine/observe/visible-text.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Shown } from "./smtpctl-commands.ts";
import type { Done, Part } from "./smtpctl-conversation.ts";
import { TerminalMessage } from "./terminal-message.ts";

export interface Output {
  print(text: string | Uint8Array): void;
  /** Undefined when what was printed has been taken, else what to wait for. */
  drained(): Promise<void> | undefined;
  complain(text: string): void;
  readonly isTerminal: boolean;
}

export interface AnswerPrinter {
  take(part: Part): void;
  /** Shows the rest; after a failure, what came before it. */
  end(done: Done): void;
}

/** Bytes of a message that become base64 together: a multiple of three. */
const BASE64_UNIT = 3;

export function answerPrinter(shown: Shown, form: Form, output: Output): AnswerPrinter {
  switch (shown.kind) {
    case "rows":
      return rowPrinter(form, output);
    case "lines":
      return rows(form, output, rowLines);
    case "states":
      return form === "json" ? objectOf(output) : rows(form, output, printable);
    case "monitor":
    case "values":
      return form === "json" ? objectOf(output, withUptime) : sortedValues(output);
    case "message":
      if (form === "json") return messageJson(shown.id, output);
      return output.isTerminal ? messageOnTerminal(output) : messageBytes(output);
    case "count":
      return outcome(form, output, ({ count }) => `${counted(count, "envelope")} ${shown.verb}`);
    case "outcome":
      return outcome(form, output, () => "command succeeded");
    case "reload":
      return form === "json" ? reloadJson(output) : reloadText(shown.what, output);
    default:
      return unreachable(shown);
  }
}

/** One line, or one JSON text, for each row. */
export function rowPrinter(form: Form, output: Output): AnswerPrinter {
  return rows(form, output, (line) => printable(line, Number.POSITIVE_INFINITY));
}

/** A row may have no text, or no JSON: then there is nothing to print of it. */
function rows(form: Form, output: Output, safe: (line: string) => string): AnswerPrinter {
  return {
    take(part) {
      if (part.kind !== "row") return;
      const text = form === "json" ? printableJson(part.json) : safe(part.line);
      if (text !== "") output.print(`${text}\n`);
    },
    end() {},
  };
}

/** The line ends of a row are the daemon's: it has escaped those of strangers. */
function rowLines(row: string): string {
  const lines = row.trimEnd().split("\n");
  return lines.map((line) => printable(line, Number.POSITIVE_INFINITY)).join("\n");
}

/** The objects of all rows as one; numbers that several processes counted are added. */
export class MergedRows {
  readonly values: Map<string, unknown> = new Map();

  take(part: Part): void {
    if (part.kind !== "row" || part.json === "") return;
    const row = JSON.parse(part.json) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(row)) {
      const before = this.values.get(name);
      const isSum = typeof before === "number" && typeof value === "number";
      this.values.set(name, isSum ? before + value : value);
    }
  }
}

type Values = ReadonlyMap<string, unknown>;

function objectOf(output: Output, whole: (values: Values) => Values = (as) => as): AnswerPrinter {
  const merged = new MergedRows();
  return {
    take: (part) => merged.take(part),
    end(done) {
      if (merged.values.size === 0 && !done.ok) return;
      const object = Object.fromEntries(whole(merged.values));
      output.print(`${printableJson(JSON.stringify(object))}\n`);
    },
  };
}

function sortedValues(output: Output): AnswerPrinter {
  const merged = new MergedRows();
  return {
    take: (part) => merged.take(part),
    end() {
      const lines = Array.from(
        withUptime(merged.values),
        ([name, value]) => `${name}=${String(value)}`,
      );
      for (const line of lines.toSorted()) output.print(`${printable(line)}\n`);
    },
  };
}

/** In words too. */
function withUptime(values: Values): Values {
  const uptimeS = values.get("uptime");
  if (typeof uptimeS !== "number") return values;
  return new Map([...values, ["uptime.human", formatDuration(uptimeS * 1000)]]);
}

function messageBytes(output: Output): AnswerPrinter {
  return {
    take(part) {
      if (part.kind === "bytes") output.print(part.bytes);
    },
    end() {},
  };
}

function messageOnTerminal(output: Output): AnswerPrinter {
  const message = new TerminalMessage();
  return {
    take(part) {
      if (part.kind === "bytes") output.print(message.push(part.bytes));
    },
    end: () => output.print(message.end()),
  };
}

/** The bytes in base64: a message need not be text. */
function messageJson(id: string, output: Output): AnswerPrinter {
  let held: Uint8Array = new Uint8Array();
  let isBegun = false;
  const begin = (): void => {
    if (!isBegun) output.print(`{"id":${JSON.stringify(id)},"base64":"`);
    isBegun = true;
  };
  return {
    take(part) {
      if (part.kind !== "bytes") return;
      begin();
      const bytes = Buffer.concat([held, part.bytes]);
      const whole = bytes.length - (bytes.length % BASE64_UNIT);
      output.print(bytes.toString("base64", 0, whole));
      held = bytes.subarray(whole);
    },
    end(done) {
      if (!isBegun && !done.ok) return;
      begin();
      output.print(`${Buffer.from(held).toString("base64")}"}\n`);
    },
  };
}

function outcome(form: Form, output: Output, words: (done: Done) => string): AnswerPrinter {
  return {
    take() {},
    end(done) {
      const { ok, count } = done;
      if (form === "json") output.print(`${JSON.stringify({ ok, count })}\n`);
      else if (ok) output.print(`${words(done)}\n`);
    },
  };
}

/** Complaints are several lines each, and no part of what programs read. */
function reloadText(what: string, output: Output): AnswerPrinter {
  return {
    take(part) {
      if (part.kind !== "row" || part.line === "") return;
      output.complain(`${rowLines(part.line)}\n`);
    },
    end({ ok }) {
      if (ok) output.print(`${what} reloaded\n`);
    },
  };
}

/** `{"ok":…,"why":…,"complaints":[…],"stranded":{…}}`. */
function reloadJson(output: Output): AnswerPrinter {
  const complaints: unknown[] = [];
  let stranded: unknown;
  return {
    take(part) {
      if (part.kind !== "row") return;
      const row = JSON.parse(part.json) as { complaint?: unknown; stranded?: unknown };
      if (row.complaint !== undefined) complaints.push(row.complaint);
      stranded ??= row.stranded;
    },
    end({ ok, text: why }) {
      output.print(`${printableJson(JSON.stringify({ ok, why, complaints, stranded }))}\n`);
    },
  };
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
