/**
 * Hands in offline mail as the owner of its files:
 * `DROPPED="NAME…" node hand-in-main.ts FOLDER SOCKET BECOMES LOGIN SERVER SINCE`.
 *
 * LOGIN is the owner's name, empty if the system has none; at SERVER, the name of this machine's
 * mail, he is told of what is given up. SINCE is when the daemon began to take mail, in
 * milliseconds of the wall clock.
 *
 * Runs as: the owner; for root's own file as root until the file is opened and the daemon is
 * connected to, then as BECOMES (`UID:GID`), before a byte of either is looked at. Talks to: the
 * daemon's socket, where its uid says whose mail it is. Ends after the message that it is at
 * when its standard input ends: its parent is stopping, or gone.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Files, OpenFile } from "#base/ports/files.ts";
import { FilesError } from "#base/ports/files.ts";
import { DEAF, type Network } from "#base/ports/network.ts";
import type { Owner } from "#engine/enqueue/failure-notice.ts";
import { handIn } from "#engine/enqueue/hand-in.ts";
import { type DropEnd, handInDropped } from "#engine/enqueue/hand-in-dropped.ts";
import { FAILED_SUFFIX } from "#engine/enqueue/dropped-names.ts";
import { nodeClock } from "#world/node/clock.ts";
import { filesAtOnce } from "#world/node/files-at-once.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { HAND_IN_EXIT, NAMES_VARIABLE } from "./hand-in-order.ts";

const CONNECT_MS = 30_000;
/** One by one; the daemon may refuse all for the same reason. */
const MAX_KEPT_TOLD = 5;

const [folder = "", socket = "", becomes = "", login = "", serverName = "", since = ""] =
  process.argv.slice(2);
const names = (process.env[NAMES_VARIABLE] ?? "").split(" ");
const endpoint: Endpoint = { kind: "unix", path: socket };
const clock = nodeClock();
const random = nodeRandom();

let kept = 0;
let isStopping = false;
process.stdin.on("error", () => undefined);
process.stdin.once("end", () => {
  isStopping = true;
});
process.stdin.resume();

const outcome = becomes === "" ? await asOwner() : await fromRoot(names[0] ?? "");
if (kept > MAX_KEPT_TOLD) say(`warn: and ${kept - MAX_KEPT_TOLD} more are kept`);
process.exitCode = outcome;
process.stdin.destroy();

async function asOwner(): Promise<number> {
  const files = filesAtOnce();
  const uid = process.getuid?.() ?? 0;
  let code: number = HAND_IN_EXIT.done;
  for (const name of names) {
    if (isStopping) return HAND_IN_EXIT.later;
    const path = `${folder}/${name}`;
    const end = await handInOne({ files, network: nodeNetwork() }, path, uid);
    tell(name, end);
    try {
      if (end.kind === "taken") await files.unlink(path);
      if (end.kind === "given-up") await files.rename(path, `${path}${FAILED_SUFFIX}`);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      say(`warn: ${name} cannot be put away: ${error.message}`);
    }
    if (end.kind === "stays") code = HAND_IN_EXIT.later;
  }
  return code;
}

async function fromRoot(name: string): Promise<number> {
  const files = filesAtOnce();
  const uid = process.getuid?.() ?? 0;
  const opened = await openedOrFault(files, `${folder}/${name}`);
  const connection = await nodeNetwork().connect(endpoint, { timeoutMs: CONNECT_MS });
  const [toUid, toGid] = becomes.split(":").map(Number);
  giveUpRoot(toUid ?? 0, toGid ?? 0);
  const once: Pick<Files, "open"> = { open: async () => fileOf(opened) };
  let isUsed = false;
  const network: Pick<Network, "connect"> = {
    async connect(...whereto) {
      // A report goes by a connection of its own, as the user that this is now.
      if (isUsed) return nodeNetwork().connect(...whereto);
      isUsed = true;
      return connection;
    },
  };
  const end = await handInOne({ files: once, network }, `${folder}/${name}`, uid);
  if (!isUsed && !("kind" in connection)) {
    connection.start(DEAF);
    connection.destroy();
  }
  tell(name, end);
  if (end.kind === "given-up") return HAND_IN_EXIT.givenUp;
  return end.kind === "taken" ? HAND_IN_EXIT.done : HAND_IN_EXIT.later;
}

/** @throws {Error} if it is somebody with any of root's rights still. */
function giveUpRoot(uid: number, gid: number): void {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (uid === 0 || process.getuid?.() !== uid || process.geteuid?.() !== uid)
    throw new Error("Cannot give up the rights of root");
}

async function openedOrFault(files: Files, path: string): Promise<OpenFile | FilesError> {
  try {
    return await files.open(path, "update");
  } catch (error) {
    if (error instanceof FilesError) return error;
    throw error;
  }
}

function fileOf(opened: OpenFile | FilesError): OpenFile {
  if (opened instanceof FilesError) throw opened;
  return opened;
}

function handInOne(
  {
    files,
    network,
  }: { readonly files: Pick<Files, "open">; readonly network: Pick<Network, "connect"> },
  path: string,
  uid: number,
): Promise<DropEnd> {
  const owner: Owner | undefined = login === "" ? undefined : { login, serverName };
  return handInDropped(
    {
      files,
      random,
      wallMs: () => clock.wallMs(),
      handIn: (mail, text) =>
        handIn(
          { network: { ...nodeNetwork(), ...network }, clock },
          { endpoint, trace: undefined },
          mail,
          text,
        ),
    },
    path,
    { uid, owner, takenSinceMs: Number(since) },
  );
}

function tell(name: string, end: DropEnd): void {
  if (end.kind === "stays" && ++kept <= MAX_KEPT_TOLD) say(`warn: ${name} is kept: ${end.why}`);
  if (end.kind === "given-up") say(`warn: ${name} is given up: ${end.why}`);
  if (end.kind === "not-there") say(`info: ${name} is passed over: ${end.why}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
