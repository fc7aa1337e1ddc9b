/** sendmail(8) on a real machine: who runs it, and where its input, its output and the daemon are. */
import { fstatSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Dropped } from "#engine/enqueue/drop-box.ts";
import type { OutgoingMail } from "#engine/enqueue/outgoing-mail.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { serverName } from "./machine.ts";
import { pump } from "./sendmail-pump.ts";
import { runSendmail, type SendmailWorld } from "./sendmail-run.ts";
import { TemporaryBody } from "./sendmail-store.ts";
import { submissionPaths } from "./state-paths.ts";

const PASSWD_FILE = "/etc/passwd";

/** Runs with the arguments after the program's name; returns the exit status. */
export async function main(words: readonly string[]): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  const { enqueueSocket, offline } = submissionPaths(process.env["POSTRIDER_STATE"], uid);
  // Who does not listen to what we print still wants the message sent.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  using store = new TemporaryBody();
  const world: SendmailWorld = {
    network: nodeNetwork(),
    clock: nodeClock(),
    identity: {
      loginName: loginName(),
      get gecos() {
        return gecosOf(uid);
      },
      mailName: serverName(),
    },
    endpoint: { kind: "unix", path: enqueueSocket },
    input: standardInput(),
    store,
    dropBox: { drop: (mail, text) => drop(offline, mail, text) },
    become,
    pump: () => pump(enqueueSocket, process.stdin, process.stdout),
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
  };
  return runSendmail(world, words);
}

/** Seldom needed, so loaded by then. */
async function drop(folder: string, mail: OutgoingMail, text: MessageText): Promise<Dropped> {
  const { folderDropBox } = await import("#engine/enqueue/folder-drop-box.ts");
  const { nodeFiles } = await import("#world/node/files.ts");
  const { nodeRandom } = await import("#world/node/random.ts");
  return folderDropBox({ files: nodeFiles(), random: nodeRandom() }, folder).drop(mail, text);
}

/** Opened by who reads it. */
async function* standardInput(): AsyncGenerator<Uint8Array> {
  // Node reads nothing from one, and says nothing of it.
  if (fstatSync(0).isDirectory()) throw new FilesError("EISDIR", "it is a folder");
  try {
    yield* process.stdin as AsyncIterable<Uint8Array>;
  } catch (error) {
    // A folder, a terminal that hung up.
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FilesError(code ?? "EIO", message, { cause: error });
  }
}

/** Of the real uid: what the environment says counts for nothing. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // The system knows nobody of that number.
    return "anonymous";
  }
}

/** passwd(5); "" for a user whom another source than the file knows. */
function gecosOf(uid: number): string {
  let lines: readonly string[];
  try {
    lines = readFileSync(PASSWD_FILE, "utf8").split("\n");
  } catch {
    return "";
  }
  const fields = lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid));
  return fields?.[4] ?? "";
}

/** Its program reads its arguments where every program has them. */
async function become(
  program: "newaliases" | "smtpctl",
  words: readonly string[],
): Promise<number> {
  process.argv.splice(2, Infinity, ...words);
  await (program === "smtpctl" ? import("./smtpctl.ts") : import("./newaliases.ts"));
  return typeof process.exitCode === "number" ? process.exitCode : 0;
}
