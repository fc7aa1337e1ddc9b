/**
 * Puts messages into a drop folder, as sendmail(8) does without a daemon:
 * `node offline-drop.ts FOLDER FROM COUNT TO…`. Prints what came of the last.
 */
import type { Dropped } from "#engine/enqueue/drop-box.ts";
import { folderDropBox } from "#engine/enqueue/folder-drop-box.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";

const [folder = "", reversePath = "", count = "", ...forwardPaths] = process.argv.slice(2);
const text = Buffer.from(`From: <${reversePath}>\r\nTo: <${forwardPaths[0]}>\r\n\r\nx\r\n`);
const box = folderDropBox({ files: nodeFiles(), random: nodeRandom() }, folder);
let dropped: Dropped = { kind: "failed", why: "none was asked for" };
for (let n = 0; n < Number(count); n++) {
  dropped = await box.drop(
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
}
process.stdout.write(`${dropped.kind === "dropped" ? "dropped" : dropped.why}\n`);
