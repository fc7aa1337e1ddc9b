/**
 * What keeps the daemon from working by a configuration that is written as it should
 * be: parts that are not built yet, and users that the machine does not have.
 */
import type { Users } from "#base/ports/users.ts";
import type { Complaint } from "#model/config/complaint.ts";
import type { Config, Place } from "#model/config/config.ts";
import { notBuilt } from "#model/config/not-built.ts";
import type { ConfigReader, Reading } from "#processes/reloads.ts";
import type { ConfigFiles, Read } from "./config-files.ts";

/** Reads what the daemon can start with, and what it can take up while it runs. */
export function startReader(files: ConfigFiles, users: Users, isRoot: boolean): ConfigReader {
  return {
    whole: async () => readingOf(await files.whole(), users, isRoot),
    table: async (name, config) => readingOf(await files.table(name, config), users, isRoot),
  };
}

/** A configuration with the complaints of its text and of the machine; none if one is an error. */
async function readingOf(
  { config, complaints }: Read,
  users: Users,
  isRoot: boolean,
): Promise<Reading> {
  if (config === undefined) return { config, complaints };
  const faults = [...partsNotBuilt(config), ...(await impossibleUsers(config, users, isRoot))];
  return {
    config: faults.length === 0 ? config : undefined,
    complaints: [...complaints, ...faults],
  };
}

export function partsNotBuilt(config: Config): readonly Complaint[] {
  return notBuilt(config).map(({ at, what }) => fault(at, `${what} is not built yet`));
}

/** Actions whose `user` can deliver nothing, in the order of the configuration. */
async function impossibleUsers(
  config: Config,
  users: Users,
  isRoot: boolean,
): Promise<readonly Complaint[]> {
  const faults: Complaint[] = [];
  for (const action of config.actions.values()) {
    if (action.kind !== "maildir" || action.user === undefined) continue;
    const what = `user ${action.user} of action "${action.name}"`;
    const answer = await users.lookup(action.user);
    if (answer.kind === "absent") faults.push(fault(action.at, `${what} does not exist`));
    else if (answer.kind === "unavailable") {
      faults.push(fault(action.at, `${what}: ${answer.cause.message}`));
    } else if (isRoot && (answer.value.uid === 0 || answer.value.gid === 0)) {
      // Root under another name is still root.
      faults.push(fault(action.at, `${what} is root: nothing is delivered as root`));
    }
  }
  return faults;
}

function fault(at: Place, message: string): Complaint {
  return { severity: "error", at, message, sourceLine: "", hint: "" };
}
