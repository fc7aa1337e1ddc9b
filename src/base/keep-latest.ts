/** Bounds what is remembered in the order in which it was set, or set anew: the first goes first. */
export function keepLatest<Key>(of: Set<Key> | Map<Key, unknown>, max: number): void {
  if (of.size <= max) return;
  for (const oldest of of.keys()) {
    of.delete(oldest);
    if (of.size <= max) return;
  }
}
