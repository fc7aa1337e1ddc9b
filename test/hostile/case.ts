/**
 * Hostile cases: what a client sends, and what may come of it (cases/*.yaml).
 *
 * Each character of a `send` up to U+00FF is one octet. A case with `each` is played
 * once for each of its values, put in place of EACH; `{x*9}` in `mail` and `rcpt` is a
 * run of nine. The ids are those of coverage.yaml.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** How far the client goes before the steps; `data` ends with the reply 354. */
export type Before = "banner" | "helo" | "data";

export type Step =
  | { readonly send: string }
  /** One reply, all its lines, must match; "" is any reply or none. */
  | { readonly expect: string }
  | { readonly pause_ms: number }
  /** Many times, while replies are read. */
  | { readonly repeat: { readonly n: number | string; readonly send: string } }
  /** One run of octets. */
  | { readonly fill: { readonly n: number | string; readonly send: string } };

/** Names as in the cases. All sessions are held to more than this: judge.ts. */
export interface Assertions {
  readonly max_messages?: number;
  readonly min_messages?: number;
  readonly no_envelope_sender?: string;
  readonly no_relay_to?: string;
  /** First digits that the reply to MAIL or RCPT, else the last one, may have. */
  readonly reply?: string;
  /** Replies to all that was sent in the steps. */
  readonly replies?: number;
  readonly closed?: boolean;
  readonly alive?: boolean;
  readonly max_ms?: number;
  readonly body_equals?: string;
  readonly log_printable?: boolean;
  readonly log_hides?: string;
  readonly no_exec?: boolean;
  readonly no_file_outside?: boolean;
}

export interface HostileCase {
  readonly id: string;
  /** For the test's name: the id, what it is about, and which of `each`. */
  readonly name: string;
  readonly before: Before;
  readonly steps: readonly Step[];
  readonly assert: Assertions;
}

interface Written {
  readonly id: string;
  readonly title: string;
  readonly pre?: Before;
  readonly steps?: readonly Step[];
  readonly each?: readonly (string | number)[];
  readonly mail?: readonly string[];
  readonly rcpt?: readonly string[];
  readonly assert?: Assertions;
}

interface WrittenFile {
  readonly ends?: readonly { readonly id: string; readonly send: string }[];
  readonly cases: readonly Written[];
}

const FOLDER = fileURLToPath(new URL("cases/", import.meta.url));

/** The reply to a path is judged where it comes, not at the end. */
const ANY_REPLY = "2345";

const SECOND_TRANSACTION =
  "MAIL FROM:<evil@smuggle.test>\r\nRCPT TO:<rcpt@example.test>\r\nDATA\r\n" +
  "Subject: smuggled\r\n\r\nowned\r\n.\r\n";

/** All cases of all files. */
export function readCases(): readonly HostileCase[] {
  return globSync("*.yaml", { cwd: FOLDER }).toSorted().flatMap(readFile);
}

function readFile(name: string): readonly HostileCase[] {
  const file = parse(readFileSync(FOLDER + name, "utf8")) as WrittenFile;
  const ends = (file.ends ?? []).map(falseEnd);
  return [...ends, ...file.cases].flatMap(played);
}

function falseEnd({ id, send }: { readonly id: string; readonly send: string }): Written {
  return {
    id,
    title: "a false end of the message, and a second transaction behind it",
    pre: "data",
    steps: [
      { send: `Subject: s\r\n\r\nlegit part${send}${SECOND_TRANSACTION}` },
      { expect: "" },
      { pause_ms: 300 },
      { send: "QUIT\r\n" },
    ],
    assert: { max_messages: 1, no_envelope_sender: "evil@smuggle.test" },
  };
}

/** The plays of one case as it is written. */
function played(written: Written): readonly HostileCase[] {
  const { id, title, assert = {}, pre = "helo" } = written;
  const words = written.mail ?? written.rcpt;
  const each = words ?? written.each ?? [""];
  const steps = words === undefined ? (written.steps ?? []) : pathSteps(written);
  return each.map((value, index) => {
    const which = each.length === 1 ? "" : ` (${index + 1} of ${each.length})`;
    const text = words === undefined ? String(value) : withRuns(String(value));
    return {
      id,
      name: `${id}: ${title}${which}`,
      before: pre,
      steps: steps.map((step) => fillIn(step, text)),
      assert: words === undefined ? assert : { ...assert, reply: ANY_REPLY },
    };
  });
}

function pathSteps({ mail, assert = {} }: Written): readonly Step[] {
  const expected = { expect: assert.reply === undefined ? "" : `^[${assert.reply}]` };
  if (mail !== undefined) return [{ send: "MAIL FROM:EACH\r\n" }, expected];
  return [
    { send: "MAIL FROM:<a@example.test>\r\n" },
    { expect: "^2" },
    { send: "RCPT TO:EACH\r\n" },
    expected,
    // An accepted recipient gets a message: what is refused later must do no harm either.
    { send: "DATA\r\n" },
    { expect: "" },
    { send: "Subject: x\r\n\r\nx\r\n.\r\n" },
    { expect: "" },
  ];
}

function withRuns(text: string): string {
  return text.replaceAll(/\{(.)\*(\d+)\}/g, (_, unit: string, count: string) =>
    unit.repeat(Number(count)),
  );
}

function fillIn(step: Step, value: string): Step {
  if ("send" in step) return { send: step.send.replace("EACH", () => value) };
  if ("repeat" in step) {
    const { n, send } = step.repeat;
    return { repeat: { n, send: send.replace("EACH", () => value) } };
  }
  if ("fill" in step && step.fill.n === "EACH")
    return { fill: { n: Number(value), send: step.fill.send } };
  return step;
}
