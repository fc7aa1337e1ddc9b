/**
 * Whether the kernel's clock is kept right by somebody, as adjtimex(2) tells: programs of NTP
 * say so to the kernel. Reading it needs no rights and changes nothing.
 *
 * Source: adjtimex(2); struct timex of 64-bit Linux.
 */
import { endianness } from "node:os";
import type { Lookup } from "#base/lookup.ts";

export interface KernelClock {
  readonly isKept: boolean;
  /** How wrong it may be by now, as far as the kernel knows. */
  readonly maxErrorMs: number;
}

/** sizeof(struct timex) is 208; a kernel that writes more must not. */
const TIMEX_BYTES = 512;
/** `modes` 0: nothing is set. */
const MAX_ERROR_AT = 24;
const STATUS_AT = 40;
/** STA_UNSYNC. */
const UNKEPT_BIT = 0x40;
const LIBRARIES: readonly string[] = ["libc.so.6", "libc.musl-x86_64.so.1"];

/** Never rejects. */
export async function kernelClock(): Promise<Lookup<KernelClock>> {
  try {
    const { default: koffi } = await import("koffi");
    const memory = Buffer.alloc(TIMEX_BYTES);
    const status: unknown = firstLoaded((name) =>
      koffi.load(name).func("int adjtimex(_Inout_ uint8_t *timex)"),
    )(memory);
    if (typeof status !== "number" || status < 0) throw new Error("the kernel does not tell");
    const read = endianness() === "LE" ? "readInt32LE" : "readInt32BE";
    const micros =
      endianness() === "LE"
        ? memory.readBigInt64LE(MAX_ERROR_AT)
        : memory.readBigInt64BE(MAX_ERROR_AT);
    const isKept = (memory[read](STATUS_AT) & UNKEPT_BIT) === 0;
    return { kind: "found", value: { isKept, maxErrorMs: Number(micros) / 1000 } };
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return { kind: "unavailable", cause };
  }
}

function firstLoaded<Loaded>(open: (name: string) => Loaded): Loaded {
  let last: unknown;
  for (const name of LIBRARIES) {
    try {
      return open(name);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
