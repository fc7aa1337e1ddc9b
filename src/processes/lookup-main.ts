/** The process of tables, passwords and whatever else is asked for outside of rules (lookup.ts). */
import { nodeHttp } from "#world/node/http.ts";
import { nodePasswordHashing } from "#world/node/password-hashing.ts";
import { publicLookup } from "#world/node/public-lookup.ts";
import { nodeSignatures } from "#world/node/signatures.ts";
import { nodeTableFiles } from "#world/node/sqlite-table.ts";
import { lookupRole } from "./lookup.ts";
import { runRole } from "./role-process.ts";

runRole("lookup", () =>
  lookupRole({
    files: nodeTableFiles(),
    hashing: nodePasswordHashing(),
    http: nodeHttp(),
    strangersHttp: nodeHttp({ lookup: publicLookup() }),
    signatures: nodeSignatures(),
  }),
);
