/** A counter as `smtpctl show stats` gets it, whichever process has counted. */
import type { ControlAnswer } from "#model/ipc/control-link.ts";
import type { Counter } from "#model/ipc/parent-link.ts";

export function counterRow({ name, value }: Counter): ControlAnswer {
  return { kind: "row", line: `${name}=${value}`, json: JSON.stringify({ [name]: value }) };
}
