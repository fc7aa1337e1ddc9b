/** A time of the wall clock as disks and events have it: whole milliseconds, never before 1970. */
export function stampMs(wallMs: number): number {
  return Math.max(0, Math.round(wallMs));
}
