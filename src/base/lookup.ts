/**
 * The three answers to a question put to the outside world. "absent" and
 * "unavailable" must never be confused: the first is final, the second is asked
 * again later.
 */
export type Lookup<Value> =
  | { readonly kind: "found"; readonly value: Value }
  | { readonly kind: "absent" }
  | { readonly kind: "unavailable"; readonly cause: Error };

/** The answer "absent", which carries nothing. */
export const ABSENT: { readonly kind: "absent" } = Object.freeze({ kind: "absent" });

/** The answer "found" around `value`. */
export function found<Value>(value: Value): Lookup<Value> {
  return { kind: "found", value };
}
