/** newaliases(8): makes the database of the aliases, and has the daemon read them again. */
import { existsSync } from "node:fs";
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runNewaliases } = await import("./newaliases-run.ts");
const { runSmtpctl } = await import("./smtpctl-run.ts");
const { configSource } = await import("./text-files.ts");
const { readConfig } = await import("./read-config.ts");
const { statePaths } = await import("./state-paths.ts");
const { nodeNetwork } = await import("#world/node/network.ts");

const stateFolder = process.env["POSTRIDER_STATE"];
const uid = process.getuid?.() ?? 0;
const paths = statePaths(stateFolder, uid);

process.exitCode = await runNewaliases(process.argv.slice(2), {
  uid,
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

/** `smtpctl update table NAME`, if a daemon has its socket where it belongs. */
async function updateTable(name: string): Promise<string | undefined> {
  if (!existsSync(paths.controlSocket)) return undefined;
  let said = "";
  const code = await runSmtpctl(["update", "table", name], {
    network: nodeNetwork(),
    stateFolder,
    uid,
    output: {
      print: () => undefined,
      drained: () => undefined,
      complain: (text) => (said += text),
      isTerminal: false,
    },
  });
  return code === 0 ? undefined : said.trim().replaceAll("\n", "; ");
}
