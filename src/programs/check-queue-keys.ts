/** The file of `queue encryption`, as far as it can be seen without reading the keys. */
import type { Config } from "#model/config/config.ts";
import { type Finding, warning } from "#policy/check/finding.ts";
import { NOT_FOR_OTHERS } from "./queue-key.ts";
import { isMissing, lookAt, type Surroundings } from "./surroundings.ts";

/** What the daemon would not start with; it may come to be, or to be right, until then. */
export async function queueKeyFaults(
  { queueEncryption, places }: Config,
  world: Surroundings,
): Promise<readonly Finding[]> {
  const at = places.get("queue encryption");
  if (queueEncryption.kind !== "file" || at === undefined) return [];
  const { path } = queueEncryption;
  const found = await lookAt(path, world);
  if (found.kind === "files-fault")
    return isMissing(found) ? [warning(at, `there is no file of queue keys: ${path}`)] : [];
  if (found.kind !== "file") return [warning(at, `no file of queue keys: ${path}`)];
  if ((found.mode & NOT_FOR_OTHERS) === 0) return [];
  return [warning(at, `others may read the queue keys: ${path}`, `chmod 600 ${path}`)];
}
