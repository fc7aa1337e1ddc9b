/** The process of tables, passwords and whatever else is asked for outside of rules (lookup.ts). */
import { dnsLookup } from "#world/node/dns-lookup.ts";
import { nodeHttp } from "#world/node/http.ts";
import { nodePasswordHashing } from "#world/node/password-hashing.ts";
import { nodeSignatures } from "#world/node/signatures.ts";
import { nodeTableFiles } from "#world/node/sqlite-table.ts";
import { lookupRole } from "./lookup.ts";
import { runRole } from "./role-process.ts";

runRole("lookup", () =>
  lookupRole({
    files: nodeTableFiles(),
    hashing: nodePasswordHashing(),
    http: nodeHttp(),
    strangersHttp: (resolver, reach) => nodeHttp({ lookup: dnsLookup(resolver, reach) }),
    signatures: nodeSignatures(),
  }),
);
