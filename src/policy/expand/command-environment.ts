/**
 * The environment of a command that mail is given to, and all of it.
 *
 * What peers chose is made plain for a shell, as in the command itself: a script that uses
 * a variable without quotes, or hands it to a second shell, runs nothing by it. OpenSMTPD
 * gives the addresses as they are. The fields Return-Path and Delivered-To have them whole.
 *
 * Source: smtpd.conf(5) `mda`; OpenSMTPD mda_unpriv.c.
 */
import { splitAddress } from "#protocols/mail/address.ts";
import { type FormatValues, plainForShell } from "./format.ts";

/** paths.h, _PATH_DEFPATH. */
const PATH = "/usr/bin:/bin";

/** `values.directory` is the home of whom it runs as, `values.username` whose mail it is. */
export function commandEnvironment(
  values: FormatValues,
  extension: string,
): Readonly<Record<string, string>> {
  const { localPart, domain } = splitAddress(values.rcpt);
  const user = plainForShell(values.username);
  const environment = {
    PATH,
    SHELL: "/bin/sh",
    HOME: values.directory,
    USER: user,
    LOGNAME: user,
    SENDER: plainForShell(values.sender),
    RECIPIENT: plainForShell(values.dest),
    ORIGINAL_RECIPIENT: plainForShell(values.rcpt),
    LOCAL: plainForShell(localPart),
    DOMAIN: plainForShell(domain),
  };
  return extension === "" ? environment : { ...environment, EXTENSION: plainForShell(extension) };
}
