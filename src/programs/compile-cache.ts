/**
 * Keeps compiled code between runs of programs that start often.
 *
 * The cache is beside the code, never in the shared temporary folder where Node
 * puts it by default: whoever can write the cache of a program decides what it
 * runs, and root runs these. Where the folder cannot be written there is no cache.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { CHECKOUT } from "./checkout.ts";

const FOLDER = join(CHECKOUT, "node_modules", ".cache", "postrider", "compiled");

/** Must be called before the code that is to be cached is imported. */
export function useCompileCache(): void {
  enableCompileCache(FOLDER);
}
