/**
 * Whether the kernel's clock is kept right by somebody, as adjtimex(2) tells: programs of NTP
 * say so to the kernel. Reading it needs no rights and changes nothing.
 *
 * Source: adjtimex(2); struct timex of 64-bit Linux.
 */
import type { Lookup } from "#base/lookup.ts";

export interface KernelClock {
  readonly isKept: boolean;
  /** How wrong it may be by now, as far as the kernel knows. */
  readonly maxErrorMs: number;
}

/** sizeof(struct timex) is 208; a kernel that writes more must not. */
const TIMEX_BYTES = 512;
/** Of its fields, on machines that are little-endian, as all are that we run on. */
const MAX_ERROR_AT = 24;
const STATUS_AT = 40;
/** STA_UNSYNC. */
const UNKEPT_BIT = 0x40;

/** Never rejects. */
export async function kernelClock(): Promise<Lookup<KernelClock>> {
  try {
    const { default: koffi } = await import("koffi");
    const adjtimex = koffi.load("libc.so.6").func("int adjtimex(_Inout_ uint8_t *timex)");
    // With `modes` 0 nothing is set.
    const timex = Buffer.alloc(TIMEX_BYTES);
    const status: unknown = adjtimex(timex);
    if (typeof status !== "number" || status < 0) throw new Error("the kernel does not tell");
    const isKept = (timex.readInt32LE(STATUS_AT) & UNKEPT_BIT) === 0;
    const maxErrorMs = Number(timex.readBigInt64LE(MAX_ERROR_AT)) / 1000;
    return { kind: "found", value: { isKept, maxErrorMs } };
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return { kind: "unavailable", cause };
  }
}
