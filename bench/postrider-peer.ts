/**
 * Postrider under measurement: this checkout, its shipped defaults but for the
 * messages of a session, and a configuration of one listener and one rule.
 *
 * For messages that are only accepted, delivery is paused by `-P mta -P mda`: each
 * message is in the queue, durably and due, and no attempt is made.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { CertificateFiles, Fate, Peer, RunSettings } from "./peer.ts";
import { startServer } from "./peer.ts";

const PROGRAM = new URL("../bin/smtpd", import.meta.url).pathname;

/** smtp-source sends all its messages over one connection; Postfix has no limit on that, we have 100. */
const MAX_MAILS = "smtp limit max-mails 1000000";

/** As it starts by itself: a dispatcher less than there are cores, but one. */
export const postrider: Peer = peer("Postrider", {});

/** With two dispatchers, however many cores there are. */
export const postriderOfTwo: Peer = peer("Postrider-2", {
  BENCH_CORES: "3",
  NODE_OPTIONS: `--import ${new URL("./more-cores.ts", import.meta.url).pathname}`,
});

function peer(name: string, environment: Readonly<Record<string, string>>): Peer {
  return {
    name,
    durability: "group commit: one sync for all that ended during the last",
    missing: () => undefined,
    start(settings: RunSettings) {
      const { folder, fate, port, tls } = settings;
      const configPath = `${folder}/smtpd.conf`;
      const lines = [MAX_MAILS, ...listenLines(port, tls), ...ruleLines(fate)];
      writeFileSync(configPath, `${lines.join("\n")}\n`);
      const paused = fate.kind === "kept" ? ["-P", "mta", "-P", "mda"] : [];
      const command = [PROGRAM, "-d", "-f", configPath, "--state", `${folder}/state`, ...paused];
      const logPath = `${folder}/log`;
      return startServer({ command, logPath, port, readyWord: "info: ready", environment });
    },
  };
}

function listenLines(port: number, tls: CertificateFiles | undefined): readonly string[] {
  const listen = `listen on 127.0.0.1 port ${port}`;
  if (tls === undefined) return [listen];
  return [`pki bench cert "${tls.certificate}" key "${tls.key}"`, `${listen} tls pki bench`];
}

function ruleLines(fate: Fate): readonly string[] {
  if (fate.kind === "maildir") {
    mkdirSync(fate.folder, { recursive: true });
    chmodSync(fate.folder, 0o777); // The agent makes the Maildirs in it, as its user.
    const user = process.getuid?.() === 0 ? "nobody" : userInfo().username;
    return [
      `action "deliver" maildir "${fate.folder}/%{dest.user}" user ${user}`,
      'match from any for any action "deliver"',
    ];
  }
  // Port 9 (discard) is never tried: delivery is paused.
  const port = fate.kind === "relayed" ? fate.port : 9;
  return [
    `action "out" relay host "smtp://127.0.0.1:${port}"`,
    'match from any for any action "out"',
  ];
}
