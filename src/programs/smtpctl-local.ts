/**
 * What commands of smtpctl that name a configuration need of this machine: the file, and for
 * `explain -f` what belongs to it, users, DNS. Nothing is asked of a daemon, and what needs
 * rights that the caller has not is unavailable.
 */
import { createReadStream } from "node:fs";
import { ABSENT } from "#base/lookup.ts";
import type { Files } from "#base/ports/files.ts";
import type { TableFiles } from "#base/ports/table-files.ts";
import type { Users } from "#base/ports/users.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import { notBuilt } from "#model/config/not-built.ts";
import { formatPlace } from "#model/config/place.ts";
import type { Table } from "#model/config/table.ts";
import type { ForwardFiles } from "#model/forward-file.ts";
import { deliveryAccount } from "#policy/expand/delivery-account.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import { readForwardFile } from "#engine/delivery/forward-file.ts";
import type { Rehearse } from "#engine/doctor/needed-addresses.ts";
import { explain } from "#engine/explain/explain.ts";
import { ConfiguredRouting } from "#processes/configured-routing.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { nodeTableFiles } from "#world/node/sqlite-table.ts";
import { nodeUsers } from "#world/node/users.ts";
import type { ReadChosen } from "./file-choice.ts";
import { readConfig } from "./read-config.ts";
import { readBounded } from "./smtp-message.ts";
import type { ExplainTools } from "./smtpctl-explain.ts";
import type { StatePaths } from "./state-paths.ts";

export function chosenReader(pathsOf: (stateFolder: string | undefined) => StatePaths): ReadChosen {
  return async ({ stateFolder, ...choice }, complain) => {
    const enqueueSocketPath = pathsOf(stateFolder).enqueueSocket;
    const { config, complaints } = await readConfig({ ...choice, enqueueSocketPath });
    for (const complaint of complaints)
      if (complaint.severity === "error") complain(formatComplaint(complaint));
    return config;
  };
}

export function localExplainTools(read: ReadChosen): Omit<ExplainTools, "ask"> {
  return {
    async judge(question, choice, complain) {
      const config = await read(choice, complain);
      if (config === undefined)
        return { kind: "explain-fault", why: `${choice.file} cannot be used` };
      for (const { at, what } of notBuilt(config))
        complain(`${formatPlace(at)}: warning: ${what} is not built yet: smtpd would not start`);
      return localRehearsal(config)(question);
    },
    readMessage,
  };
}

/** What the rules of a configuration would do, judged in this process. */
export function localRehearsal(config: Config): Rehearse {
  const clock = nodeClock();
  const users = nodeUsers(nodeChildren(), clock);
  const rules: ConfiguredRouting = new ConfiguredRouting(config, {
    users,
    forwardFiles: ownForwardFiles(config, {
      users,
      files: nodeFiles(),
      askTable: (table, service, key) => rules.askTable(table, service, key),
    }),
    backendOf: databases(nodeTableFiles()),
    clock,
  });
  return (question) =>
    explain(question, {
      config,
      routing: rules.routing,
      senders: rules.senders,
      askTable: rules.askTable,
      clock,
      random: nodeRandom(),
      users,
      resolver: question.dns ? nodeResolver() : undefined,
      // The file says nothing of what a queue has.
      hasRoom: () => true,
    });
}

/** `db:` tables, opened by this process. */
function databases(files: TableFiles): (table: Table) => TableBackend | undefined {
  return ({ source }) => {
    if (source.kind !== "db") return undefined;
    const file = files.table(source.path);
    return {
      async lookupAny(_service, keys): Promise<TableAnswer> {
        const answer = file.lookupAny(keys);
        if (answer.kind !== "found") return answer;
        const { key, value } = answer.value;
        return { kind: "found", value, entry: key };
      },
    };
  };
}

/** Read as carefully as an agent reads them, with the rights of whoever asks. */
function ownForwardFiles(
  { actions, subAddressDelimiter }: Config,
  parties: { readonly users: Users; readonly files: Files; readonly askTable: AskTable },
): ForwardFiles {
  const { users, files, askTable } = parties;
  return {
    async read(name, user) {
      const action = actions.get(name);
      if (action === undefined || !readsForwardFile(action)) return ABSENT;
      const answer = await deliveryAccount(action, user, { users, subAddressDelimiter, askTable });
      if (answer.kind === "absent") return ABSENT;
      if (answer.kind === "unavailable") return { kind: "unavailable", why: answer.cause.message };
      return readForwardFile(files, answer.value);
    },
  };
}

async function readMessage(path: string): Promise<Uint8Array | string> {
  try {
    return (await readBounded(createReadStream(path))) ?? "it is too large";
  } catch (error) {
    if (error instanceof Error && "code" in error) return error.message;
    throw error;
  }
}
