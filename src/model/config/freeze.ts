/** Makes a configuration unchangeable, so that all who share it may rely on it. */

/** What a frozen map inherits: all of a map's, and refusals of what would change it. */
const REFUSED = { value: refuse };
const UNCHANGEABLE_MAP: object = Object.create(Map.prototype, {
  set: REFUSED,
  delete: REFUSED,
  clear: REFUSED,
}) as object;

/** Freezes `value` and all that it refers to: plain objects, arrays and maps. Returns it. */
export function deepFreeze<Value>(value: Value): Value {
  if (isUnfrozen(value)) freeze(value);
  return value;
}

/** A configuration has a million values that are no objects: those cost no call. */
function isUnfrozen(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Object.isFrozen(value);
}

function freeze(value: object): void {
  if (value instanceof Map) {
    // Freezing alone does not keep a Map from changing.
    Object.setPrototypeOf(value, UNCHANGEABLE_MAP);
    Object.freeze(value);
    for (const child of value.values() as Iterable<unknown>) if (isUnfrozen(child)) freeze(child);
    return;
  }
  Object.freeze(value);
  for (const child of Object.values(value) as unknown[]) if (isUnfrozen(child)) freeze(child);
}

function refuse(): never {
  throw new TypeError("Cannot change a configuration: it is frozen");
}
