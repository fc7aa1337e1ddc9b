/**
 * What keeps the daemon from working by a configuration that is written as it should
 * be: parts that are not built yet, and users that the machine does not have.
 */
import { type Complaint, errorAt } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import { notBuilt } from "#model/config/not-built.ts";
import { findingComplaints } from "#policy/check/finding.ts";
import { openRelays } from "#policy/check/open-relay.ts";
import type { ConfigReader, Reading } from "#processes/reloads.ts";
import type { Accounts } from "#processes/socket-owner.ts";
import { accountFaults } from "./check-accounts.ts";
import type { ConfigFiles, Read } from "./config-files.ts";

/** Reads what the daemon can start with, and what it can take up while it runs. */
export function startReader(files: ConfigFiles, accounts: Accounts, isRoot: boolean): ConfigReader {
  return {
    whole: async () => readingOf(withOpenRelays(await files.whole(), files), accounts, isRoot),
    table: async (name, config) => readingOf(await files.table(name, config), accounts, isRoot),
  };
}

/** Of all that `smtpd -n` warns of this cannot wait until somebody asks. */
function withOpenRelays({ config, complaints }: Read, files: ConfigFiles): Read {
  if (config === undefined) return { config, complaints };
  const found = findingComplaints(openRelays(config), files.file, files.read);
  return { config, complaints: [...complaints, ...found] };
}

/** A configuration with the complaints of its text and of the machine; none if one is an error. */
async function readingOf(
  { config, complaints }: Read,
  accounts: Accounts,
  isRoot: boolean,
): Promise<Reading> {
  if (config === undefined) return { config, complaints };
  const faults = [
    ...partsNotBuilt(config),
    ...(await impossibleAccounts(config, accounts, isRoot)),
  ];
  return {
    config: faults.length === 0 ? config : undefined,
    complaints: [...complaints, ...faults],
  };
}

export function partsNotBuilt(config: Config): readonly Complaint[] {
  return notBuilt(config).map(({ at, what }) => errorAt(at, `${what} is not built yet`));
}

/** Users and groups without which nothing is started; `smtpd -n` tells the same. */
async function impossibleAccounts(
  config: Config,
  accounts: Accounts,
  isRoot: boolean,
): Promise<readonly Complaint[]> {
  const found = await accountFaults(config, accounts, isRoot);
  return found
    .filter(({ severity }) => severity === "error")
    .map(({ at, message }) => errorAt(at, message));
}
