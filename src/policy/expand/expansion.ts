/**
 * Expansion: from a recipient to its envelopes. An address goes through the rules; what
 * a local action does not keep as it is, goes on through its aliases or virtual
 * addresses, its users and their forward files, to other addresses, which go through the
 * rules in their turn, as internal mail.
 *
 * The recipient is taken with all its envelopes or refused as a whole, by the first node
 * that is refused. Without remote tables, system users and forward files the answer
 * comes at once.
 *
 * Where we differ from OpenSMTPD: a user's own address in its forward file or aliases is
 * its mailbox (was folded, so that mail went elsewhere only); a loop that leaves nobody is
 * temporary, as somebody can mend it; so is an included file that cannot be read (was left
 * out). Commands and files need `allow-exec` (nooSMTPD), and are not delivered to yet.
 *
 * Source: OpenSMTPD lka_session.c (lka_expand), aliases.c; smtpd.conf(5), aliases(5).
 */
import type { Tell } from "#model/reason.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { Accounts } from "./accounts.ts";
import { type ExpansionParties, Walk, type WalkSetting } from "./expansion-walk.ts";

export interface ExpansionSettings {
  readonly compat: "none" | "opensmtpd";
  readonly subAddressDelimiter: string;
}

export class Expansion {
  readonly #setting: WalkSetting;

  constructor(settings: ExpansionSettings, parties: ExpansionParties) {
    const accounts = new Accounts({
      compat: settings.compat,
      users: parties.users,
      userbase: (table) => parties.table(table, "userinfo"),
    });
    this.#setting = { parties, accounts, delimiter: settings.subAddressDelimiter };
  }

  /** @param tell is given each step on the way. */
  expand(query: RecipientQuery, tell: Tell | undefined): Resolution | Promise<Resolution> {
    return new Walk(this.#setting, query, tell).run();
  }
}
