/** How engines ask the tables of the configuration. */
import type { Lookup } from "#base/lookup.ts";
import type { Table } from "./table.ts";
import type { TableService } from "#model/table-service.ts";

/** Answers at once, unless the table is a remote one. Never throws, and never rejects its promise. */
export type AskTable = (
  table: Table,
  service: TableService,
  key: string,
) => Lookup<string> | Promise<Lookup<string>>;
