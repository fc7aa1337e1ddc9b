/**
 * What a spool recovered, all at once: for tests, whose spools are small.
 */
import type { Spool, StoredMessage } from "#engine/spool/spool.ts";

export async function allRecovered(spool: Spool): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = [];
  for await (const some of spool.recovered()) messages.push(...some);
  return messages;
}
