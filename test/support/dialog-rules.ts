/**
 * The rules of a dialog that has a configuration beside it, `NAME.conf` of `NAME.smtp`:
 * the real ones, with every account there but `nobody`.
 */
import { ABSENT, found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import type { Routing } from "#model/resolution.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import { configOfText } from "./config-of.ts";
import type { Dialog } from "./dialog.ts";

export interface DialogRules {
  readonly config: Config;
  readonly routing: Routing;
}

const USERS: Users = {
  lookup: (name) =>
    Promise.resolve(
      name === "nobody" ? ABSENT : found({ name, uid: 1000, gid: 1000, home: `/home/${name}` }),
    ),
};

const MACHINE: Partial<BuildContext> = {
  serverName: "mx.example",
  interfaces: new Map([
    ["lo", ["127.0.0.1", "::1"]],
    ["eth0", ["192.0.2.1"]],
  ]),
  checkRegex,
  checkRegexTable,
};

/** @throws if the configuration is wrong: a mistake in the test itself. */
export function rulesOf({ path, config: text }: Dialog): DialogRules | undefined {
  if (text === undefined) return undefined;
  const file = path.replace(/^.*\/(.*)\.smtp$/u, "$1.conf");
  const config = configOfText(text, { file, machine: MACHINE });
  return { config, routing: createRouting(config, { users: USERS }) };
}
