/** Addresses that senders rewrite: none that we have not signed leads anywhere. */
import assert from "node:assert/strict";
import { decodeSrs, encodeSrs } from "#protocols/mail/srs.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const NOW_MS = 1_795_564_800_000;
const SIGNING = { key: "tops3cr3t", nowMs: NOW_MS };
const CHECKING = { keys: ["other", "tops3cr3t"], nowMs: NOW_MS, ttlMs: 345_600_000 };

export const srs: FuzzTarget = {
  name: "srs",
  words: ["SRS0=", "SRS1=", "SRS0+", "==", "=", "@", "JO", "a.example", '"'],
  seeds: () => [
    "SRS0=wi2p=JO=example.com=test@example.net",
    "SRS1=waOZ=one.example==abcd=2S=home.example=ann@example.net",
    "ann@home.example",
  ],
  run: (input) => {
    const address = input.toString("latin1");
    const decoded = decodeSrs(address, CHECKING);
    if (decoded.kind === "decoded") assert.ok(decoded.address.length < address.length);
    const encoded = encodeSrs(address, "forwarder.example", SIGNING);
    // A domain is one before it is rewritten (protocols/mail/address.ts).
    if (encoded === address || !/^(?!SRS[01][=+-]).+@[a-z0-9.-]+$/isu.test(address)) return;
    assert.deepEqual(decodeSrs(encoded, CHECKING), { kind: "decoded", address });
  },
};
