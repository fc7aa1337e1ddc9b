/** Prints the values of the whole server, one a line. */
import { limitDirective } from "./build-limits.ts";
import type { Config } from "./config.ts";
import { SETTINGS } from "./defaults.ts";
import { formatDelay } from "./delay.ts";
import {
  type LimitTraits,
  MDA_LIMITS,
  MTA_LIMITS,
  type MtaLimits,
  SCHEDULER_LIMITS,
} from "./limits.ts";
import { line, type PrintedLine } from "./printed-line.ts";
import { printWord, quote } from "./quote.ts";
import { formatSize } from "./size.ts";
import { formatCiphers, formatCurves, formatProtocols } from "./tls-values.ts";

export function printSettings(config: Config): readonly PrintedLine[] {
  const { places } = config;
  const setting = (words: string, value: string): PrintedLine => ({
    ...line(`${words} ${value}`.trimEnd(), places.get(words)),
    subject: words,
  });
  const directive = (name: keyof typeof SETTINGS, value: string): PrintedLine =>
    setting(SETTINGS[name].directive, value);
  return [
    setting("admd", quote(config.admd)),
    directive("maxMessageBytes", formatSize(config.maxMessageBytes)),
    directive("maxRecipients", String(config.maxRecipients)),
    directive("maxMailsPerSession", String(config.maxMailsPerSession)),
    setting("smtp sub-addr-delim", quote(config.subAddressDelimiter)),
    ...tlsLines(config, setting),
    directive("queueTtlMs", formatDelay(config.queueTtlMs)),
    ...queueLines(config, setting),
    setting("bounce warn-interval", config.bounceWarnIntervalsMs.map(formatDelay).join(", ")),
    ...srsLines(config, setting),
    directive("mtaMaxDeferred", String(config.mtaMaxDeferred)),
    ...(config.mtaSts ? [setting("mta sts", "")] : []),
    ...tlsReportLines(config, setting),
  ];
}

/** Of limits and what is kept of the trace, `which` all, or those that the file sets. */
export function printLimits(config: Config, which: "all" | "set"): readonly PrintedLine[] {
  const lines = [
    ...traceLines(config),
    ...mtaLines(config, config.mtaLimits),
    ...limitLines(config, plain("mda limit"), MDA_LIMITS, config.mdaLimits),
    ...limitLines(config, plain("scheduler limit"), SCHEDULER_LIMITS, config.schedulerLimits),
    ...[...config.mtaDomainLimits].flatMap(([domain, limits]) => mtaLines(config, limits, domain)),
  ];
  return lines.filter(({ at }) => which === "all" || at !== undefined);
}

function traceLines(config: Config): readonly PrintedLine[] {
  const { places, traceRecipients, traceAgeMs, traceBytes } = config;
  const lines = [
    ["trace age", formatDelay(traceAgeMs)],
    ["trace size", formatSize(traceBytes)],
    ...(traceRecipients === "off" ? [["trace off", ""]] : []),
    ...(traceRecipients === "masked" ? [["trace mask", ""]] : []),
  ] as const;
  return lines.map(([words, value]) => ({
    ...line(`${words} ${value}`.trimEnd(), places.get(words)),
    subject: words,
  }));
}

type PrintSetting = (words: string, value: string) => PrintedLine;

function tlsLines({ tls }: Config, setting: PrintSetting): readonly PrintedLine[] {
  const { ciphers, curves, protocols } = tls;
  const lines: PrintedLine[] = [];
  if (ciphers) lines.push(setting("smtp tls ciphers", quote(formatCiphers(ciphers))));
  if (curves) lines.push(setting("smtp tls curves", quote(formatCurves(curves))));
  if (protocols) lines.push(setting("smtp tls protocols", quote(formatProtocols(protocols))));
  return lines;
}

function queueLines(
  { queueCompression, queueEncryption }: Config,
  setting: PrintSetting,
): readonly PrintedLine[] {
  const lines: PrintedLine[] = [];
  if (queueCompression !== "off") lines.push(setting("queue compression", queueCompression));
  if (queueEncryption.kind === "key")
    lines.push(setting("queue encryption", quote(queueEncryption.key)));
  if (queueEncryption.kind === "file")
    lines.push(setting("queue encryption", `file ${quote(queueEncryption.path)}`));
  if (queueEncryption.kind === "terminal") lines.push(setting("queue encryption", ""));
  if (queueEncryption.kind === "stdin") lines.push(setting("queue encryption", "stdin"));
  return lines;
}

function srsLines({ srs }: Config, setting: PrintSetting): readonly PrintedLine[] {
  if (srs === undefined) return [];
  const { key, backupKey, ttlMs } = srs;
  return [
    setting("srs key", quote(key)),
    ...(backupKey === undefined ? [] : [setting("srs key backup", quote(backupKey))]),
    setting("srs ttl", formatDelay(ttlMs)),
  ];
}

function tlsReportLines({ tlsReports }: Config, setting: PrintSetting): readonly PrintedLine[] {
  if (tlsReports === undefined) return [];
  const { from, organization } = tlsReports;
  const name = organization === undefined ? "" : ` organization ${quote(organization)}`;
  return [setting("mta tls-report", `from ${quote(from)}${name}`)];
}

function plain(words: string): Directive {
  return { subject: words, words };
}

/** What a limit is set by, before its own word. */
interface Directive {
  /** Key of its place, with the name of that word. */
  readonly subject: string;
  /** As smtpd.conf has it: a domain may have to be in quotes. */
  readonly words: string;
}

function mtaLines(config: Config, limits: MtaLimits, domain?: string): readonly PrintedLine[] {
  const subject = limitDirective("mta", domain);
  const words = limitDirective("mta", domain && printWord(domain));
  const lines = limitLines(config, { subject, words }, MTA_LIMITS, limits);
  if (limits.family === "any") return lines;
  const key = `${subject} family`;
  const family = line(`${words} ${limits.family}`, config.places.get(key));
  return [...lines, { ...family, subject: key }];
}

function limitLines<Name extends string>(
  { places }: Config,
  directive: Directive,
  traits: Readonly<Record<Name, LimitTraits>>,
  values: Readonly<Record<Name, number>>,
): readonly PrintedLine[] {
  return (Object.keys(traits) as Name[]).map((name) => {
    const { word, unit } = traits[name];
    const value = unit === "seconds" ? values[name] / 1000 : values[name];
    const subject = `${directive.subject} ${word}`;
    return { ...line(`${directive.words} ${word} ${value}`, places.get(subject)), subject };
  });
}
