/**
 * sendmail(8): hands a message of a local program to the daemon.
 *
 * Starts often, so it keeps its compiled code and imports no more than it runs.
 */
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { main } = await import("./sendmail-main.ts");
process.exitCode = await main(process.argv.slice(2));
