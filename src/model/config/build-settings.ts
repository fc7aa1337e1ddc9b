/** The values of the whole server, from defaults.ts and what `smtp` and `queue` say. */
import type { ComplaintList } from "./complaint.ts";
import type { Place } from "./config.ts";
import { DEFAULT_SUB_ADDRESS_DELIMITER, type NumberSettingName, SETTINGS } from "./defaults.ts";
import { formatDelay } from "./delay.ts";
import { formatSize } from "./size.ts";
import type { Statement } from "./syntax.ts";

export type Settings = Record<NumberSettingName, number> & { subAddressDelimiter: string };

/** Of two statements about one value the later counts. */
export function buildSettings(
  statements: readonly Statement[],
  complaints: ComplaintList,
): Settings {
  const settings: Settings = {
    maxMessageBytes: SETTINGS.maxMessageBytes.default,
    maxRecipients: SETTINGS.maxRecipients.default,
    maxMailsPerSession: SETTINGS.maxMailsPerSession.default,
    queueTtlMs: SETTINGS.queueTtlMs.default,
    subAddressDelimiter: DEFAULT_SUB_ADDRESS_DELIMITER,
  };
  for (const statement of statements) {
    if (statement.kind === "action" && statement.ttlMs !== undefined)
      checkBounds("queueTtlMs", statement.ttlMs, statement.at, complaints);
    if (statement.kind !== "setting") continue;
    for (const setting of statement.values) {
      if (setting.name === "subAddressDelimiter") {
        const fault = delimiterFault(setting.value.text);
        if (fault !== undefined) complaints.error(setting.value.at, fault);
        settings.subAddressDelimiter = setting.value.text;
      } else {
        checkBounds(setting.name, setting.value.value, setting.value.at, complaints);
        settings[setting.name] = setting.value.value;
      }
    }
  }
  return settings;
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
