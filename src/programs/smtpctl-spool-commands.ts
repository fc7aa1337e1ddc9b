/**
 * `smtpctl spool verify | compact | export` and `import opensmtpd`: work on a spool whose daemon does not run.
 *
 * Each takes the lock of the spool, and says in one line who has it. Keys of `queue encryption` come
 * from where smtpd.conf(5) says. What is written in the spool belongs to its owner.
 *
 * Exit status: 0; 1 if something is damaged, mail may be missing, or something was not taken; 2 if it could not be done.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import { resolve } from "node:path/posix";
import type { Random } from "#base/ports/random.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Config } from "#model/config/config.ts";
import type { Message } from "#model/envelope.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import { printable, printableLines } from "#engine/observe/visible-text.ts";
import {
  compactSpool,
  type JournalSpoolOptions,
  openJournalSpool,
} from "#engine/spool/journal-spool.ts";
import { lockSpool } from "#engine/spool/lock.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import { type SpoolView, viewSpool } from "#engine/spool/spool-view.ts";
import { UnusableSpool } from "#engine/spool/unusable-spool.ts";
import { readOptions, type WrongArguments, wrong } from "./command-line.ts";
import { chooseFile, FILE_OPTIONS, type FileChoice, type ReadChosen } from "./file-choice.ts";
import { counted, type Output } from "./smtpctl-printer.ts";
import { DEFAULT_CONFIG_FILE } from "./smtpd-options.ts";
import { exportMbox, exportQueue } from "./spool-export.ts";
import { importQueue } from "./spool-import.ts";
import { TroubleTeller, viewTroubles } from "./spool-troubles.ts";

export type SpoolCommand = "verify" | "compact" | "export" | "import";

/** Where OpenSMTPD keeps its mail, and where it answers while it runs. */
const OPENSMTPD_SPOOL = "/var/spool/smtpd";
const OPENSMTPD_SOCKETS: readonly string[] = ["/run/smtpd.sock", "/var/run/smtpd.sock"];

const EXIT_DAMAGED = 1;
const EXIT_FAULT = 2;
export const SPOOL_USAGE: Readonly<Record<SpoolCommand, string>> = {
  verify: "usage: smtpctl spool verify [-f file] [--state dir]\n",
  compact: "usage: smtpctl spool compact [-f file] [--state dir]\n",
  export: "usage: smtpctl spool export [-f file] [--state dir] {folder | --mbox file}\n",
  import: "usage: smtpctl import opensmtpd [-f file] [--state dir] [folder]\n",
};

export interface SpoolTools {
  /** Those of the spool, which make files that belong to its owner. */
  readonly spoolFiles: (spool: string) => Files;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly spoolFolder: (stateFolder: string | undefined) => string;
  readonly read: ReadChosen;
  keys(config: Config): Promise<QueueKeys | { readonly why: string }>;
  /** Makes the folder of a spool, for its owner, where there is none; a string says why it cannot. */
  makeSpool(spool: string): Promise<string | undefined>;
  /** Whether somebody accepts connections on a socket. */
  answers(socketPath: string): Promise<boolean>;
}

/** What a command works on. */
interface Work {
  readonly tools: SpoolTools;
  readonly files: Files;
  readonly folder: string;
  readonly keys: Keyring;
  readonly config: Config;
  readonly output: Output;
}

/** Where the command goes. */
interface Target {
  readonly mbox: string | undefined;
  /** "" if the command takes none. */
  readonly folder: string;
}

interface SpoolArguments {
  readonly kind: "arguments";
  readonly choice: FileChoice;
  readonly target: Target;
}

/** @param args those of the command. */
export async function runSpool(
  command: SpoolCommand,
  args: readonly string[],
  tools: SpoolTools,
  output: Output,
): Promise<number> {
  const fault = (why: string, usage = ""): number => {
    output.complain(`smtpctl: ${printable(why)}\n${usage}`);
    return EXIT_FAULT;
  };
  const parsed = parseArguments(command, args);
  if (parsed.kind === "wrong") return fault(parsed.why, SPOOL_USAGE[command]);
  const { choice, target } = parsed;
  const config = await tools.read(choice, (complaint) =>
    output.complain(`${printableLines(complaint)}\n`),
  );
  if (config === undefined) return fault(`${choice.file} cannot be used`);
  const keys = await tools.keys(config);
  if ("why" in keys) return fault(keys.why);
  const folder = tools.spoolFolder(choice.stateFolder);
  const obstacle =
    command === "import" ? await importObstacle(folder, target.folder, tools) : undefined;
  if (obstacle !== undefined) return fault(obstacle);
  const files = tools.spoolFiles(folder);
  const work: Work = { tools, files, folder, keys: new Keyring(keys), config, output };
  try {
    return await carryOut(command, work, target);
  } catch (error) {
    if (!(error instanceof FilesError) && !(error instanceof UnusableSpool)) throw error;
    return fault(error.message);
  }
}

const OPERANDS: Readonly<Record<SpoolCommand, readonly [least: number, most: number]>> = {
  verify: [0, 0],
  compact: [0, 0],
  export: [1, 1],
  import: [0, 1],
};

/** What stands in the way of an import; undefined: nothing. */
async function importObstacle(
  spool: string,
  from: string,
  tools: SpoolTools,
): Promise<string | undefined> {
  // Of a folder that was copied from elsewhere it does not matter who runs here.
  if (resolve(from) === OPENSMTPD_SPOOL)
    for (const path of OPENSMTPD_SOCKETS)
      if (await tools.answers(path)) return `OpenSMTPD still runs (${path}): stop it first`;
  return tools.makeSpool(spool);
}

function parseArguments(
  command: SpoolCommand,
  args: readonly string[],
): SpoolArguments | WrongArguments {
  const line = readOptions(args, {
    ...FILE_OPTIONS,
    f: { type: "string", short: "f" },
    mbox: { type: "string" },
  });
  if (line.kind === "wrong") return line;
  const { f, mbox } = line.values;
  const [folder = command === "import" ? OPENSMTPD_SPOOL : ""] = line.words;
  const operands = line.words.length + (mbox === undefined ? 0 : 1);
  const [least, most] = OPERANDS[command];
  if (operands < least || operands > most || (mbox !== undefined && command !== "export"))
    return wrong("wrong operands");
  const choice = chooseFile(f ?? DEFAULT_CONFIG_FILE, line.values);
  if (typeof choice === "string") return wrong(choice);
  return { kind: "arguments", choice, target: { mbox, folder } };
}

function carryOut(command: SpoolCommand, work: Work, target: Target): Promise<number> {
  switch (command) {
    case "verify":
      return withView(work, (view) => verify(view, work.output));
    case "export":
      return withView(work, (view) => exportTo(view, work, target));
    case "compact":
      return compact(work);
    case "import":
      return importFrom(work, target.folder);
    default:
      return unreachable(command);
  }
}

/** @throws {FilesError | UnusableSpool} */
async function withView(
  { files, folder, keys }: Work,
  use: (view: SpoolView) => Promise<number>,
): Promise<number> {
  const release = await lockSpool(files, `${folder}/lock`);
  try {
    const opened = await viewSpool({ files, folder, keys });
    if (opened.kind === "unusable") throw new UnusableSpool(opened.reason);
    return await use(opened.view);
  } finally {
    await release();
  }
}

async function verify(view: SpoolView, output: Output): Promise<number> {
  for (const { message } of view.messages) await view.checkText(message.msgid);
  const troubles = viewTroubles(view);
  for (const line of troubles) output.print(line);
  const envelopes = view.messages.reduce((sum, each) => sum + each.envelopes.length, 0);
  const places = view.damages.length;
  output.print(
    `${counted(view.messages.length, "message")}, ${counted(envelopes, "envelope")}, ${counted(places, "damaged place")}\n`,
  );
  return troubles.length === 0 ? 0 : EXIT_DAMAGED;
}

async function exportTo(
  view: SpoolView,
  { tools, config, output }: Work,
  { mbox, folder }: Target,
): Promise<number> {
  const parts = { files: tools.files, view, serverName: config.serverName };
  if (mbox === undefined) await exportQueue(parts, folder);
  else await exportMbox(parts, mbox);
  const troubles = viewTroubles(view);
  for (const line of troubles) output.complain(line);
  output.print(`${counted(view.messages.length, "message")} exported\n`);
  return troubles.length === 0 ? 0 : EXIT_DAMAGED;
}

async function compact(work: Work): Promise<number> {
  const { output } = work;
  const teller = new TroubleTeller(output);
  const why = await compactSpool(journalOptions(work, teller));
  if (why !== undefined) throw new UnusableSpool(why);
  output.print("compacted\n");
  return teller.told === 0 ? 0 : EXIT_DAMAGED;
}

async function importFrom(work: Work, from: string): Promise<number> {
  const { tools, config, output } = work;
  const { files, clock, random } = tools;
  const teller = new TroubleTeller(output);
  const opened = await openJournalSpool(journalOptions(work, teller));
  if (opened.kind === "unusable") throw new UnusableSpool(opened.reason);
  const { spool } = opened;
  try {
    const present = new Map<string, Pick<Message, "acceptedAtMs" | "reversePath">>();
    for await (const some of spool.recovered())
      for (const { message } of some) present.set(message.msgid, message);
    let refused = 0;
    const notTaken = (file: string, why: string): void => {
      refused++;
      output.complain(`${printable(file)}: not taken: ${printable(why)}\n`);
    };
    const nowMs = clock.wallMs();
    const parts = { files, spool, random, nowMs, ttlMs: config.queueTtlMs, present, notTaken };
    const { messages, envelopes, byAction } = await importQueue(parts, from);
    for (const [action, count] of byAction)
      if (!config.actions.has(action))
        output.complain(
          `warning: ${counted(count, "envelope")} ${count === 1 ? "waits" : "wait"} for an action "${printable(action)}", which smtpd.conf does not have\n`,
        );
    output.print(`${counted(messages, "message")}, ${counted(envelopes, "envelope")} imported\n`);
    return refused + teller.told === 0 ? 0 : EXIT_DAMAGED;
  } finally {
    await spool.close();
  }
}

function journalOptions(
  { tools: { clock, random }, files, folder, keys, config }: Work,
  { observe }: TroubleTeller,
): JournalSpoolOptions {
  const compression = config.queueCompression;
  return { files, clock, random, observe, folder, keys, compression };
}
