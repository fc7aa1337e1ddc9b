/** Makes a configuration unchangeable, so that all who share it may rely on it. */

/** What would change a map, refused. */
const REFUSED = { value: refuse };
const UNCHANGEABLE: PropertyDescriptorMap = { set: REFUSED, delete: REFUSED, clear: REFUSED };

/** Freezes `value` and all that it refers to: plain objects, arrays and maps. Returns it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  // Freezing alone does not keep a Map from changing.
  if (value instanceof Map) Object.defineProperties(value, UNCHANGEABLE);
  Object.freeze(value);
  if (value instanceof Map) for (const child of value.values()) deepFreeze(child);
  else for (const key in value) deepFreeze(value[key]);
  return value;
}

function refuse(): never {
  throw new TypeError("Cannot change a configuration: it is frozen");
}
