/**
 * Goes on with a value that is there, or will be: at once where it can, since nearly
 * every decision can, and a promise on the way costs more than the decision.
 */
export function andThen<Value, Next>(
  value: Value | Promise<Value>,
  use: (value: Value) => Next | Promise<Next>,
): Next | Promise<Next> {
  return value instanceof Promise ? value.then(use) : use(value);
}
