/** Makes a configuration unchangeable, so that all who share it may rely on it. */

/** Freezes `value` and all that it refers to: plain objects, arrays and maps. Returns it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  // Freezing alone does not keep a Map from changing.
  if (value instanceof Map) {
    const refused = { value: refuse };
    Object.defineProperties(value, { set: refused, delete: refused, clear: refused });
  }
  Object.freeze(value);
  const children: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
  for (const child of children) deepFreeze(child);
  return value;
}

function refuse(): never {
  throw new TypeError("Cannot change a configuration: it is frozen");
}
