/**
 * The values of the whole server, from defaults.ts and limits.ts and what the file
 * says. Of two statements about one value the later counts.
 */
import { unreachable } from "#base/unreachable.ts";
import { parseAddress } from "#protocols/mail/address.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { applyLimits } from "./build-limits.ts";
import type { ComplaintList } from "./complaint.ts";
import type { Settings } from "./config.ts";
import type { BuildContext } from "./config-source.ts";
import {
  DEFAULT_BOUNCE_WARN_INTERVALS_MS,
  DEFAULT_SRS_TTL_MS,
  DEFAULT_SUB_ADDRESS_DELIMITER,
  MIN_SRS_TTL_MS,
  type NumberSettingName,
  QUEUE_KEY_LENGTH,
  SETTINGS,
} from "./defaults.ts";
import { formatDelay } from "./delay.ts";
import type { Place } from "./place.ts";
import { isQueueKey } from "./queue-key-text.ts";
import { defaultLimits, MDA_LIMITS, MTA_LIMITS, SCHEDULER_LIMITS } from "./limits.ts";
import { formatSize } from "./size.ts";
import type { LimitStatement, SettingSyntax, Statement } from "./syntax.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { buildTlsSettings, NO_TLS_SETTINGS } from "./tls-values.ts";

export interface BuiltSettings {
  readonly settings: Settings;
  /** Where each was set, by its words; see `Config.places`. */
  readonly places: ReadonlyMap<string, Place>;
}

/** What is being built: settings that change until all statements are read. */
interface Draft {
  readonly complaints: ComplaintList;
  readonly settings: { -readonly [Name in keyof Settings]: Settings[Name] };
  readonly places: Map<string, Place>;
  srs: { key?: string; backupKey?: string; ttlMs?: number };
}

export function buildSettings(
  statements: readonly Statement[],
  context: BuildContext,
  complaints: ComplaintList,
): BuiltSettings {
  const compat = compatOf(statements, context);
  const draft: Draft = {
    complaints,
    settings: defaultSettings(context.serverName, compat),
    places: new Map(),
    srs: {},
  };
  const limits: LimitStatement[] = [];
  for (const statement of statements) {
    if (statement.kind === "action" && statement.ttl !== undefined)
      checkBounds("queueTtlMs", statement.ttl.value, statement.ttl.at, complaints);
    if (statement.kind === "limit") limits.push(statement);
    if (statement.kind !== "setting") continue;
    for (const value of statement.values) applySetting(draft, value);
  }
  // Whatever the order of the lines: a domain has all limits that are for every domain.
  for (const statement of limits) if (statement.domain === undefined) applyLimits(statement, draft);
  for (const statement of limits) if (statement.domain !== undefined) applyLimits(statement, draft);
  finishSrs(draft);
  return { settings: draft.settings, places: draft.places };
}

/** Wherever the file says it, it holds for all of it. */
function compatOf(statements: readonly Statement[], context: BuildContext): Settings["compat"] {
  const said = statements
    .filter((statement) => statement.kind === "setting")
    .flatMap(({ values }) => values)
    .findLast((value) => value.name === "compat");
  return context.compat === "opensmtpd" ? "opensmtpd" : (said?.value ?? "none");
}

function defaultSettings(serverName: string, compat: Settings["compat"]): Draft["settings"] {
  return {
    compat,
    admd: serverName,
    maxMessageBytes: SETTINGS.maxMessageBytes.default,
    maxRecipients: SETTINGS.maxRecipients.default,
    maxMailsPerSession: SETTINGS.maxMailsPerSession.default,
    subAddressDelimiter: DEFAULT_SUB_ADDRESS_DELIMITER,
    tls: NO_TLS_SETTINGS,
    queueTtlMs: SETTINGS.queueTtlMs.default,
    queueCompression: "off",
    queueEncryption: { kind: "off" },
    traceRecipients: "whole",
    traceAgeMs: SETTINGS.traceAgeMs.default,
    traceBytes: SETTINGS.traceBytes.default,
    bounceWarnIntervalsMs: DEFAULT_BOUNCE_WARN_INTERVALS_MS,
    srs: undefined,
    mtaMaxDeferred: SETTINGS.mtaMaxDeferred.default,
    mtaSts: false,
    tlsReports: undefined,
    mtaLimits: { ...defaultLimits(MTA_LIMITS, compat), family: "any" },
    mtaDomainLimits: new Map(),
    mdaLimits: defaultLimits(MDA_LIMITS, compat),
    schedulerLimits: defaultLimits(SCHEDULER_LIMITS, compat),
  };
}

function applySetting(draft: Draft, value: SettingSyntax): void {
  const { settings, places, complaints } = draft;
  if (isNumber(value)) {
    applyNumber(draft, value);
    return;
  }
  if (value.name === "traceRecipients") {
    applyTrace(draft, value);
    return;
  }
  if (isOfMta(value)) {
    applyMta(draft, value);
    return;
  }
  switch (value.name) {
    case "compat":
      places.set("compat", value.at);
      return;
    case "admd":
      places.set("admd", value.value.at);
      settings.admd = value.value.text;
      if (!/^[ -~]+$/u.test(value.value.text)) complaints.error(value.value.at, "not a valid admd");
      return;
    case "subAddressDelimiter":
      applyDelimiter(draft, value.value.text, value.value.at);
      return;
    case "tls":
      applyTls(draft, value.value, value.at);
      return;
    case "queueCompression":
    case "queueEncryption":
      applyQueue(draft, value);
      return;
    case "bounceWarnIntervals":
      places.set("bounce warn-interval", value.at);
      settings.bounceWarnIntervalsMs = ascending(value.value.map(({ value: delayMs }) => delayMs));
      return;
    case "srsKey":
    case "srsBackupKey":
    case "srsTtlMs":
      applySrs(draft, value);
      return;
    default:
      unreachable(value);
  }
}

type NumberSyntax = Extract<SettingSyntax, { readonly name: NumberSettingName }>;

function isNumber(value: SettingSyntax): value is NumberSyntax {
  return value.name in SETTINGS;
}

function applyNumber({ settings, places, complaints }: Draft, { name, value }: NumberSyntax): void {
  checkBounds(name, value.value, value.at, complaints);
  settings[name] = value.value;
  places.set(SETTINGS[name].directive, value.at);
}

function applyQueue(
  { settings, places, complaints }: Draft,
  value: Extract<SettingSyntax, { readonly name: "queueCompression" | "queueEncryption" }>,
): void {
  if (value.name === "queueCompression") {
    places.set("queue compression", value.at);
    settings.queueCompression = value.value;
  } else {
    places.set("queue encryption", value.at);
    settings.queueEncryption = queueEncryption(value.key, complaints);
  }
}

/** `off` and `mask` are one setting: the later counts. */
function applyTrace(
  { settings, places }: Draft,
  { value, at }: Extract<SettingSyntax, { readonly name: "traceRecipients" }>,
): void {
  places.delete(value === "off" ? "trace mask" : "trace off");
  places.set(value === "off" ? "trace off" : "trace mask", at);
  settings.traceRecipients = value;
}

function applyDelimiter({ settings, places, complaints }: Draft, text: string, at: Place): void {
  const fault = delimiterFault(text);
  if (fault !== undefined) complaints.error(at, fault);
  settings.subAddressDelimiter = text;
  places.set("smtp sub-addr-delim", at);
}

/** One line may set one of the three, and another the next. */
function applyTls(
  { settings, places, complaints }: Draft,
  syntax: Extract<SettingSyntax, { readonly name: "tls" }>["value"],
  at: Place,
): void {
  const said = buildTlsSettings(syntax, complaints);
  const merged: TlsSettings = {
    ciphers: said.ciphers ?? settings.tls.ciphers,
    curves: said.curves ?? settings.tls.curves,
    protocols: said.protocols ?? settings.tls.protocols,
  };
  settings.tls = merged;
  for (const word of ["ciphers", "curves", "protocols"] as const)
    if (syntax[word] !== undefined) places.set(`smtp tls ${word}`, at);
}

function queueEncryption(
  key: Extract<SettingSyntax, { readonly name: "queueEncryption" }>["key"],
  complaints: ComplaintList,
): Settings["queueEncryption"] {
  switch (key.from) {
    case "terminal":
    case "stdin":
      return { kind: key.from };
    case "file":
      if (!key.path.text.startsWith("/"))
        complaints.error(key.path.at, "the path of a key file begins with '/'");
      return { kind: "file", path: key.path.text };
    case "line": {
      const { text, at } = key.key;
      if (!isQueueKey(text))
        complaints.error(
          at,
          `a queue key has ${QUEUE_KEY_LENGTH} characters`,
          "'openssl rand -hex 16' makes one",
        );
      return { kind: "key", key: text };
    }
    default:
      return unreachable(key);
  }
}

function applySrs(
  { srs, places, complaints }: Draft,
  value: Extract<SettingSyntax, { readonly name: "srsKey" | "srsBackupKey" | "srsTtlMs" }>,
): void {
  const { at } = value.value;
  switch (value.name) {
    case "srsKey":
      srs.key = value.value.text;
      places.set("srs key", at);
      break;
    case "srsBackupKey":
      srs.backupKey = value.value.text;
      places.set("srs key backup", at);
      break;
    case "srsTtlMs":
      srs.ttlMs = value.value.value - (value.value.value % MIN_SRS_TTL_MS);
      places.set("srs ttl", at);
      if (value.value.value < MIN_SRS_TTL_MS)
        complaints.error(
          at,
          `ttl delay "${formatDelay(value.value.value)}" is too short`,
          "it is kept in whole days: 1d or more",
        );
      break;
    default:
      unreachable(value);
  }
  if (value.name !== "srsTtlMs" && value.value.text === "")
    complaints.error(at, "an srs key cannot be empty");
}

type MtaSyntax = Extract<SettingSyntax, { readonly name: "mtaSts" | "tlsReports" }>;

function isOfMta(value: SettingSyntax): value is MtaSyntax {
  return value.name === "mtaSts" || value.name === "tlsReports";
}

function applyMta({ settings, places, complaints }: Draft, value: MtaSyntax): void {
  if (value.name === "mtaSts") {
    places.set("mta sts", value.at);
    settings.mtaSts = true;
    return;
  }
  const { at, from, organization } = value;
  places.set("mta tls-report", at);
  const address = parseAddress(from.text, "");
  if ("kind" in address || !isHostName(address.domain))
    complaints.error(from.at, `not a mail address with a domain: ${JSON.stringify(from.text)}`);
  if (organization !== undefined && !/^[^\p{C}]{1,256}$/u.test(organization.text))
    complaints.error(organization.at, "not a name of an organization");
  settings.tlsReports = { from: from.text, organization: organization?.text };
}

function finishSrs({ settings, srs, places, complaints }: Draft): void {
  const { key, backupKey, ttlMs = DEFAULT_SRS_TTL_MS } = srs;
  if (key !== undefined) settings.srs = { key, backupKey, ttlMs };
  const lonely = places.get("srs key backup") ?? places.get("srs ttl");
  if (key === undefined && lonely !== undefined)
    complaints.error(lonely, "no srs key", "'srs key …' sets the key that new addresses get");
}

function ascending(delaysMs: readonly number[]): readonly number[] {
  return [...new Set(delaysMs)].toSorted((left, right) => left - right);
}

function checkBounds(
  name: NumberSettingName,
  value: number,
  at: Place,
  complaints: ComplaintList,
): void {
  const { directive, unit, min, max } = SETTINGS[name];
  if (value >= min && value <= max) return;
  const format = { bytes: formatSize, ms: formatDelay, count: String }[unit];
  complaints.error(at, `${directive} out of range`, `from ${format(min)} to ${format(max)}`);
}

function delimiterFault(delimiter: string): string | undefined {
  if (delimiter.length !== 1) return "subaddressing-delimiter must be one character";
  const isUsable = /^[!-~]$/u.test(delimiter) && delimiter !== "@";
  return isUsable ? undefined : "sub-addr-delim uses invalid character";
}
