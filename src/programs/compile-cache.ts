/**
 * Keeps compiled code between runs of programs that start often.
 *
 * The cache is never in the shared temporary folder where Node puts it by default:
 * whoever can write the cache of a program decides what it runs, and root runs these.
 * In a checkout it is beside the code; an installed package has one for root alone,
 * as Node keeps one for each user, and others could not write theirs. Where the folder
 * cannot be written there is no cache.
 */
import { mkdirSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { CHECKOUT, IS_INSTALLED } from "./checkout.ts";

const IN_CHECKOUT = join(CHECKOUT, "node_modules", ".cache", "postrider", "compiled");
const OF_ROOT = "/var/cache/postrider/compiled";

/** Must be called before the code that is to be cached is imported. */
export function useCompileCache(): void {
  if (!IS_INSTALLED) enableCompileCache(IN_CHECKOUT);
  else if (process.getuid?.() === 0 && isPrivateFolder(OF_ROOT)) enableCompileCache(OF_ROOT);
}

/** Node would make it with whatever mask the caller has. */
function isPrivateFolder(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}
