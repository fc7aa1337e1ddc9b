/** newaliases(8): makes the database of the aliases, and has the daemon read them again. */
import { existsSync } from "node:fs";
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runNewaliases } = await import("./newaliases-run.ts");
const { converse } = await import("./smtpctl-conversation.ts");
const { configSource } = await import("./text-files.ts");
const { readConfig } = await import("./read-config.ts");
const { statePaths } = await import("./state-paths.ts");
const { printable } = await import("#engine/observe/visible-text.ts");
const { nodeNetwork } = await import("#world/node/network.ts");

const stateFolder = process.env["POSTRIDER_STATE"];
const uid = process.getuid?.() ?? 0;
const paths = statePaths(stateFolder, uid);

process.exitCode = await runNewaliases(process.argv.slice(2), {
  uid,
  exists: existsSync,
  parse(file) {
    const choice = {
      file,
      macros: new Map(),
      compat: "none",
      enqueueSocketPath: paths.enqueueSocket,
    } as const;
    // Not its `readHead`: a `db:` file may be about to be made.
    const { read, readIncluded } = configSource(file);
    return readConfig(choice, { file, read, readIncluded });
  },
  updateTable,
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
});

/** As `smtpctl update table NAME`, if a daemon has its socket where it belongs. */
async function updateTable(name: string): Promise<string | undefined> {
  const socketPath = paths.controlSocket;
  if (!existsSync(socketPath)) return undefined;
  const complaints: string[] = [];
  const answer = await converse(
    nodeNetwork(),
    { socketPath, request: { kind: "update-table", name } },
    {
      take(part) {
        if (part.kind === "row" && part.line !== "") complaints.push(part.line);
      },
      drained: () => undefined,
    },
  );
  if (answer.kind !== "done") return answer.why;
  if (answer.ok) return undefined;
  return printable([...complaints, answer.text].join("; "), Number.POSITIVE_INFINITY);
}
