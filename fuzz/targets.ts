/** All targets. */
import type { FuzzTarget } from "./target.ts";
import { addresses } from "#fuzz/targets/addresses.ts";
import { chunks } from "#fuzz/targets/chunks.ts";
import { clientHello } from "#fuzz/targets/client-hello.ts";
import { clientSession } from "#fuzz/targets/client-session.ts";
import { commands } from "#fuzz/targets/commands.ts";
import { config } from "#fuzz/targets/config.ts";
import { data } from "#fuzz/targets/data.ts";
import { dns } from "#fuzz/targets/dns.ts";
import { droppedHeads } from "#fuzz/targets/dropped-heads.ts";
import { headers } from "#fuzz/targets/headers.ts";
import { introspection } from "#fuzz/targets/introspection.ts";
import { lists } from "#fuzz/targets/lists.ts";
import { mailboxes } from "#fuzz/targets/mailboxes.ts";
import { ocsp } from "#fuzz/targets/ocsp.ts";
import { opensmtpdEnvelopes } from "#fuzz/targets/opensmtpd-envelopes.ts";
import { proxy } from "#fuzz/targets/proxy.ts";
import { replies } from "#fuzz/targets/replies.ts";
import { reports } from "#fuzz/targets/reports.ts";
import { sasl } from "#fuzz/targets/sasl.ts";
import { senderRecords } from "#fuzz/targets/sender-records.ts";
import { session } from "#fuzz/targets/session.ts";
import { srs } from "#fuzz/targets/srs.ts";
import { sts } from "#fuzz/targets/sts.ts";
import { submissions } from "#fuzz/targets/submissions.ts";
import { tlsrpt } from "#fuzz/targets/tlsrpt.ts";
import { trace } from "#fuzz/targets/trace.ts";

export const TARGETS: readonly FuzzTarget[] = [
  addresses,
  chunks,
  clientHello,
  clientSession,
  commands,
  config,
  data,
  dns,
  droppedHeads,
  headers,
  introspection,
  lists,
  mailboxes,
  ocsp,
  opensmtpdEnvelopes,
  proxy,
  replies,
  reports,
  sasl,
  senderRecords,
  session,
  srs,
  sts,
  submissions,
  tlsrpt,
  trace,
];
