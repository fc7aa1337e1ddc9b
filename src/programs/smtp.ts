/**
 * smtp(1): sends one message from its standard input.
 *
 * Starts often, so it keeps its compiled code and imports no more than it runs.
 */
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { main } = await import("./smtp-main.ts");
process.exitCode = await main(process.argv.slice(2));
