/**
 * The keys of `queue encryption` are read when the daemon starts. A reload that reads others warns: they are not in
 * use yet, and what was written since then needs the ones that are.
 */
import { type Complaint, errorAt } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { ConfigReader } from "#processes/reloads.ts";
import { asksForKey, queueKeys, standardKeyTools } from "./queue-key.ts";

/** @param file the main one, for a configuration that has no such line. */
export function tellingKeyChanges(
  reader: ConfigReader,
  inUse: QueueKeys,
  file: string,
): ConfigReader {
  return {
    ...reader,
    whole: async () => {
      const { config, complaints } = await reader.whole();
      if (config === undefined) return { config, complaints };
      const change = await keyChange(config, inUse);
      if (change === undefined) return { config, complaints };
      const at = config.places.get("queue encryption") ?? { file, line: 0, column: 0 };
      const warning: Complaint = { ...errorAt(at, change), severity: "warning" };
      return { config, complaints: [...complaints, warning] };
    },
  };
}

async function keyChange(config: Config, inUse: QueueKeys): Promise<string | undefined> {
  // Nobody is there to be asked.
  if (asksForKey(config)) return undefined;
  const keys = await queueKeys(config, standardKeyTools());
  if ("why" in keys) return `smtpd would not start: ${keys.why}`;
  if (keys.length === inUse.length && keys.every((key, at) => key === inUse[at])) return undefined;
  const isGone = inUse.some((key) => key !== undefined && !keys.includes(key));
  const gone = isGone ? "; one that is in use is gone from it, which it may need then" : "";
  return `smtpd takes up other keys of 'queue encryption' when it starts anew${gone}`;
}
