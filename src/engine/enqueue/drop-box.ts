/** Where a message is put while no daemon takes it; it leaves by itself when one does. */
import type { MessageText } from "#model/delivery.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

export type Dropped =
  /** It stays there, whole, and will be handed in under the caller's name. */
  | { readonly kind: "dropped" }
  /** Nothing is there: the message is the caller's still. `why` is for a person. */
  | { readonly kind: "failed"; readonly why: string };

export interface DropBox {
  /** Never rejects. The text, with CRLF line ends, is what the daemon is to get: nothing in it is to be completed. */
  drop(mail: OutgoingMail, text: MessageText): Promise<Dropped>;
}
