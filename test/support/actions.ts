/** Actions with the defaults of smtpd.conf(5), for tests that have no configuration. */
import type {
  ActionBase,
  LmtpAction,
  LocalActionBase,
  MaildirAction,
  MdaAction,
  RelayAction,
  RelayHost,
  RelayTo,
} from "#model/config/action.ts";
import { parseRelayUrl } from "#model/config/relay-url.ts";
import type { Table } from "#model/config/table.ts";

const DAY_MS = 86_400_000;
const BASE: Omit<ActionBase, "name"> = {
  at: { file: "smtpd.conf", line: 1, column: 1 },
  places: {},
  ttlMs: 4 * DAY_MS,
};
const LOCAL: Omit<LocalActionBase, "name"> = {
  ...BASE,
  user: undefined,
  aliases: undefined,
  forwardFile: undefined,
  userbase: undefined,
  wrapper: undefined,
};

export function relayAction(name: string, fields: Partial<RelayAction> = {}): RelayAction {
  return {
    ...BASE,
    kind: "relay",
    name,
    to: { kind: "mx" },
    auth: undefined,
    mailFrom: undefined,
    src: undefined,
    helo: "client.example",
    heloSrc: undefined,
    tls: "opportunistic",
    fingerprints: undefined,
    tlsSettings: { ciphers: undefined, curves: undefined, protocols: undefined },
    pki: undefined,
    ca: undefined,
    filters: [],
    srs: false,
    ...fields,
  };
}

export function lmtpAction(
  name: string,
  fields: Partial<LmtpAction> & Pick<LmtpAction, "destination">,
): LmtpAction {
  return { ...LOCAL, kind: "lmtp", name, rcptTo: false, ...fields };
}

export function maildirAction(name: string, fields: Partial<MaildirAction> = {}): MaildirAction {
  const path = { source: "~", parts: [{ kind: "home" }] } as const;
  return { ...LOCAL, kind: "maildir", name, path, junk: false, ...fields };
}

export function commandAction(name: string): MdaAction {
  return { ...LOCAL, kind: "mda", name, command: { source: "true", parts: [] } };
}

/** A list with a name. */
export function tableOf(name: string, ...entries: readonly string[]): Table {
  return {
    at: BASE.at,
    name,
    source: { kind: "inline" },
    shape: "list",
    entries: new Map(entries.map((entry) => [entry, ""])),
  };
}

/** `relay host` of a list of them, as a table with no name of its own. */
export function toHosts(...names: readonly string[]): RelayTo {
  const table = tableOf("<dynamic:0>", ...names);
  const hosts = names.map((host): RelayHost => {
    const endpoint = { kind: "tcp", host, port: 25 } as const;
    return { protocol: "smtp", tls: "opportunistic", endpoint, label: undefined };
  });
  return { kind: "hosts", table, hosts };
}

/** `relay host URL`. */
export function toHostAt(url: string): RelayTo {
  const parsed = parseRelayUrl(url);
  if ("reason" in parsed) throw new TypeError(`Cannot relay to ${url}: ${parsed.reason}`);
  return { kind: "hosts", table: tableOf("<dynamic:0>", url), hosts: [parsed] };
}
