/**
 * The addresses that arguments and headers have: `ann`, `a@x, b@y`, `Ann <a@x>`, groups, with
 * comments and folds.
 *
 * Nothing is guessed: a list with an entry whose address cannot be told is refused whole.
 * Linear in the length of the text.
 *
 * Source: RFC 5322 §3.4; OpenSMTPD enqueue.c (parse_addr, qualify_addr).
 */
import { parsePath } from "#protocols/mail/address.ts";
import { parseAddressList } from "#protocols/mail/address-list.ts";

export interface AddressTrouble {
  readonly kind: "address-trouble";
  /** As it was written, unfolded: for a person. */
  readonly text: string;
}

/**
 * The addresses of `list` in canonical text, in their order.
 *
 * @param list one character for each octet.
 * @param domain completes addresses without one.
 */
export function readAddresses(list: string, domain: string): readonly string[] | AddressTrouble {
  const parsed = parseAddressList(list);
  if (parsed === undefined || parsed.hasLost) return trouble(list);
  const addresses: string[] = [];
  for (const { start, end } of parsed.mailboxes) {
    const text = Buffer.from(list.slice(start, end), "latin1").toString("utf8");
    const path = parsePath(`<${text}>`, 0, domain);
    if (path.kind === "address-fault" || path.end !== text.length + 2) return trouble(text);
    addresses.push(path.address);
  }
  return addresses;
}

/**
 * As an argument has them, in JavaScript's characters. Only headers are folded: an argument with
 * a line end has been made by someone who wants to write more than an address (CWE-93).
 */
export function readArgument(text: string, domain: string): readonly string[] | AddressTrouble {
  if (/\p{Cc}/u.test(text)) return trouble(text);
  return readAddresses(Buffer.from(text, "utf8").toString("latin1"), domain);
}

/** The one address of `-f`: "" for `<>` and nothing, the null reverse-path. */
export function readSender(text: string, domain: string): string | AddressTrouble {
  if (/^ *(?:< *>)? *$/.test(text)) return "";
  const addresses = readArgument(text, domain);
  if ("kind" in addresses) return addresses;
  const [address, second] = addresses;
  return address === undefined || second !== undefined ? trouble(text) : address;
}

function trouble(text: string): AddressTrouble {
  return { kind: "address-trouble", text: text.replaceAll(/\s+/g, " ").trim() };
}
