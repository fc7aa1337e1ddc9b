/** makemap(8): makes the SQLite file of a `db:` table from its text. */
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runMakemap } = await import("./makemap-run.ts");

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `makemap -U FILE | head`: nobody reads any more.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = runMakemap(process.argv.slice(2), {
  isTerminal: process.stdout.isTTY,
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
});
