/** Marks a place that the types say cannot be reached; a call is a bug. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot be reached: got ${JSON.stringify(value)}`);
}
