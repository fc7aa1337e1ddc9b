/** What is wrong with the files of a spool, in lines for a terminal. */
import type { Event, Observe } from "#model/events.ts";
import { printable } from "#engine/observe/visible-text.ts";
import type { Damage, SpoolView } from "#engine/spool/spool-view.ts";
import type { Output } from "./smtpctl-printer.ts";

/** Tells what a spool that is opened says of its files, and counts it. */
export class TroubleTeller {
  told = 0;
  readonly observe: Observe;

  constructor(output: Output) {
    this.observe = (event) => {
      const line = troubleLine(event);
      if (line === undefined) return;
      this.told++;
      output.complain(line);
    };
  }
}

/** What was wrong with a spool as far as it was read. */
export function viewTroubles({ damages, warnings }: SpoolView): readonly string[] {
  return [...damages.map(damageLine), ...warnings.map(warningLine)];
}

function damageLine({ file, offset, reason }: Damage): string {
  return `${printable(file)}:${offset}: ${printable(reason)}\n`;
}

function warningLine(text: string): string {
  return `warning: ${printable(text)}\n`;
}

function troubleLine(event: Event): string | undefined {
  if (event.kind === "spool-damage") return damageLine(event);
  if (event.kind === "warning") return warningLine(event.text);
  if (event.kind !== "spool-trouble") return undefined;
  return `${printable(event.what)}: ${printable(event.cause)}\n`;
}
