/** What bench/loader.ts prints as one line of JSON. */
export interface LoadResult {
  readonly acknowledged: number;
  readonly failed: number;
  readonly seconds: number;
  /** From the last byte of a message to its 250. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}
