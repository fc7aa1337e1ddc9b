/** Who sends: the user of the system that runs sendmail, and the name of this machine's mail. */
import { formatDisplayName } from "#protocols/mail/display-name.ts";

export interface SenderIdentity {
  /** Of the real uid. */
  readonly loginName: string;
  /** passwd(5)'s field of comments. */
  readonly gecos: string;
  /** Completes addresses without a domain. */
  readonly mailName: string;
}

/** The full name in `gecos`: up to its first comma, with the login name for `&`. */
export function fullNameOf({ gecos, loginName }: SenderIdentity): string {
  const [name = ""] = gecos.split(",");
  return name.replaceAll("&", () => loginName.charAt(0).toUpperCase() + loginName.slice(1));
}

/** `From: Ann Smith <ann@mx.example>`, one character for each octet. */
export function formatFrom(name: string, address: string): string {
  const phrase = formatDisplayName(name);
  const octets = Buffer.from(address, "utf8").toString("latin1");
  return `From: ${phrase === "" ? "" : `${phrase} `}<${octets}>`;
}
