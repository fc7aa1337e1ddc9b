/** What a table may be asked for, in the words that policy/tables and the frames to `lookup` share. */

/**
 * Which idea of equality a look-up has (OpenSMTPD table.c). "regex" is for tables whose
 * entries are patterns; "fingerprint" is ours; the others
 * are OpenSMTPD's services of the same names.
 */
export const TABLE_SERVICES = [
  "string",
  "domain",
  "netaddr",
  "mailaddr",
  "regex",
  "alias",
  "credentials",
  "userinfo",
  "addrname",
  "relayhost",
  "mailaddrmap",
  "source",
  "fingerprint",
] as const;
export type TableService = (typeof TABLE_SERVICES)[number];
