/**
 * Puts a message into a drop folder, as sendmail(8) does without a daemon:
 * `node offline-drop.ts FOLDER FROM SUBJECT TO…`. Prints what came of it.
 */
import { folderDropBox } from "#engine/enqueue/folder-drop-box.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";

const [folder = "", reversePath = "", subject = "", ...forwardPaths] = process.argv.slice(2);
const text = Buffer.from(
  `From: <${reversePath}>\r\nTo: <${forwardPaths[0]}>\r\nSubject: ${subject}\r\n\r\nx\r\n`,
);
const dropped = await folderDropBox({ files: nodeFiles(), random: nodeRandom() }, folder).drop(
  {
    reversePath,
    forwardPaths,
    notify: undefined,
    returns: undefined,
    envelopeId: "",
    is8bit: false,
  },
  {
    bytes: text.length,
    async *chunks() {
      yield text;
    },
  },
);
process.stdout.write(`${dropped.kind === "dropped" ? "dropped" : dropped.why}\n`);
