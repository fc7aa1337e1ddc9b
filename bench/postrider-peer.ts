/**
 * Postrider under measurement: this checkout, its shipped defaults but for the
 * messages of a session, and a configuration of one listener and one rule.
 *
 * For messages that are only accepted, delivery is paused by `-P mta -P mda`: each
 * message is in the queue, durably and due, and no attempt is made.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { unreachable } from "#base/unreachable.ts";
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
  switch (fate.kind) {
    case "kept":
      // Port 9 (discard) is never tried: delivery is paused.
      return relayLines(9);
    case "relayed":
      if (fate.outgoing === "reused") return relayLines(fate.port);
      return ["mta limit session-mail-max 1", ...relayLines(fate.port)];
    case "maildir":
      mkdirSync(fate.folder, { recursive: true });
      chmodSync(fate.folder, 0o777); // The agent makes the Maildirs in it, as its user.
      return [
        `action "deliver" maildir "${fate.folder}/%{dest.user}" user ${unprivilegedUser()}`,
        'match from any for any action "deliver"',
      ];
    case "homes":
      return ['action "deliver" maildir', 'match from any for any action "deliver"'];
    case "lmtp":
      return [
        `action "deliver" lmtp "127.0.0.1:${fate.port}" rcpt-to user ${unprivilegedUser()}`,
        'match from any for any action "deliver"',
      ];
    default:
      return unreachable(fate);
  }
}

function relayLines(port: number): readonly string[] {
  return [
    `action "out" relay host "smtp://127.0.0.1:${port}"`,
    'match from any for any action "out"',
  ];
}

function unprivilegedUser(): string {
  return process.getuid?.() === 0 ? "nobody" : userInfo().username;
}
