/** Which tables have a name of their own, that a line gave them. */
import type { Table } from "./table.ts";

/** A list or mapping that stands where it is used: the `number`th of its configuration. */
export function anonymousName(number: number): string {
  return `<dynamic:${number}>`;
}

export function isAnonymous({ name, source }: Table): boolean {
  return source.kind === "inline" && isAnonymousName(name);
}

/** The same by the name alone, for those who have no more. */
export function isAnonymousName(name: string): boolean {
  return /^<dynamic:[0-9]+>$/u.test(name);
}

/** Whether a line declares it: others come into being where they are used, or by themselves. */
export function isDeclared(table: Table): boolean {
  return table.source.kind !== "builtin" && !isAnonymous(table);
}
