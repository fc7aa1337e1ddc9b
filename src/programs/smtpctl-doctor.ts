/**
 * `smtpctl doctor`: looks at the host, the configuration and the DNS, and says of each what was
 * found and what to do.
 *
 * Promises: nothing is changed. Nothing leaves the machine but questions to its name servers, to the
 * web server of a domain that announces a policy of MTA-STS and one connection to port 25, of the host
 * that is named or that root's mail would go to. It ends in CHECKUP_WITHIN_MS.
 *
 * Exit status: 0; 1 if something has failed; 2 if nothing could be looked at.
 */
import type { Clock } from "#base/ports/clock.ts";
import { checkUp } from "#engine/doctor/checkup.ts";
import { type Check, type Checked, type Health, HEALTHS } from "#engine/doctor/verdict.ts";
import { printable, printableJson } from "#engine/observe/visible-text.ts";
import type { Form } from "#model/ipc/control-link.ts";
import {
  DOCTOR_USAGE,
  type DoctorArguments,
  parseDoctorArguments,
} from "./smtpctl-doctor-arguments.ts";
import type { Output } from "./smtpctl-printer.ts";

const EXIT_SICK = 1;
const EXIT_NOTHING = 2;
/** So wide that what was found stands in one column. */
const HEALTH_WIDTH = 8;

export interface DoctorTools {
  readonly clock: Clock;
  /** In the order in which they are shown. */
  readonly checksFor: (args: DoctorArguments) => Promise<readonly Check[]>;
}

/** @param args those of the command. */
export async function runDoctor(
  args: readonly string[],
  { clock, checksFor }: DoctorTools,
  output: Output,
): Promise<number> {
  const parsed = parseDoctorArguments(args);
  if (parsed.kind === "wrong") {
    output.complain(`smtpctl: ${printable(parsed.why)}\n${DOCTOR_USAGE}`);
    return EXIT_NOTHING;
  }
  const all = await checkUp(await checksFor(parsed), clock);
  for (const checked of all) output.print(formatChecked(checked, parsed.form));
  if (parsed.form === "text") output.print(`${summary(all)}\n`);
  return all.some(({ health }) => health === "fail") ? EXIT_SICK : 0;
}

function formatChecked({ name, subject, health, found, advice }: Checked, form: Form): string {
  if (form === "json") {
    const row = { check: name, subject, health, found, advice };
    return `${printableJson(JSON.stringify(row))}\n`;
  }
  const what = subject === "" ? name : `${name} ${subject}`;
  const line = `${health.padEnd(HEALTH_WIDTH)}${printable(`${what}: ${found}`, MAX_LINE)}\n`;
  return advice === ""
    ? line
    : `${line}${" ".repeat(HEALTH_WIDTH)}-> ${printable(advice, MAX_LINE)}\n`;
}

const MAX_LINE = 1000;

function summary(all: readonly Checked[]): string {
  const count = (health: Health): number => all.filter((each) => each.health === health).length;
  return HEALTHS.map((health) => `${count(health)} ${health}`).join(", ");
}
