/**
 * What is wrong with a configuration whose every line is right: rules that nothing
 * reaches, parts that nothing uses, mail with nowhere to go, an open relay. OpenSMTPD's
 * check looks for none of it.
 *
 * All of it is warnings: such a configuration works, but hardly as it was meant.
 */
import type { Users } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { ReadFile } from "#model/config/config-source.ts";
import { aliasFaults } from "./alias-lists.ts";
import { anyTokens } from "./any-token.ts";
import type { Finding } from "./finding.ts";
import { openRelays } from "./open-relay.ts";
import { rootMail } from "./root-mail.ts";
import { unreachableRules } from "./unreachable-rules.ts";
import { unusedParts } from "./unused.ts";

/** @param read the files of tables, for the lines of their entries. */
export async function checkConfig(
  config: Config,
  users: Users,
  read: ReadFile,
): Promise<readonly Finding[]> {
  return [
    ...openRelays(config),
    ...unreachableRules(config),
    ...unusedParts(config),
    ...anyTokens(config),
    ...(await rootMail(config, users)),
    ...(await aliasFaults(config, read)),
  ];
}
