/** One open file of a simulated disk. */
import { FilesError, type OpenFile, type OpenMode } from "#base/ports/files.ts";
import type { DiskParts } from "./disk-parts.ts";
import { throwFault } from "./disk-operations.ts";
import { describe, type FileNode } from "./disk-tree.ts";
import type { Change } from "./file-content.ts";

/** `node`, opened in `mode`; it must have been counted as open. */
export function openSimFile(
  disk: DiskParts,
  node: FileNode,
  path: string,
  mode: OpenMode,
): OpenFile {
  const { content } = node;
  const { operations } = disk;
  let state: "open" | "closed" = "open";

  function check(allowed: readonly OpenMode[] | "any"): void {
    if (state === "open" && (allowed === "any" || allowed.includes(mode))) return;
    throw new FilesError("EBADF", `Cannot use ${path}: not open for that`);
  }

  function apply(change: Change, faultCode: string | undefined): void {
    check(["create", "create-dsync", "update"]);
    disk.space.write(node, change, { path, faultCode, random: disk.random });
    node.modifiedAtMs = disk.clock.wallMs();
  }

  return {
    write(chunks, offset) {
      const change: Change = { kind: "write", offset, bytes: Buffer.concat(chunks) };
      return operations.perform("write", path, {
        begin: (faultCode) => apply(change, faultCode),
        finish() {
          if (mode === "create-dsync") content.harden(change);
        },
      });
    },
    read: (offset, length) =>
      operations.perform("read", path, {
        begin(faultCode) {
          throwFault(faultCode);
          check(["read", "update"]);
        },
        finish: () => content.read(offset, length),
      }),
    sync() {
      // Covers what was written before it was asked for, not what comes meanwhile.
      let covered: Change | undefined;
      return operations.perform("sync", path, {
        begin(faultCode) {
          check("any");
          covered = content.pending.at(-1);
          if (faultCode !== undefined) content.forsakePending(disk.random);
          throwFault(faultCode);
        },
        finish: () => content.harden(covered),
      });
    },
    truncate: (bytes) =>
      operations.perform("truncate", path, {
        begin(faultCode) {
          throwFault(faultCode);
          apply({ kind: "truncate", length: bytes }, undefined);
        },
        finish: () => {},
      }),
    giveTo: (uid) =>
      operations.perform("giveTo", path, {
        begin(faultCode) {
          throwFault(faultCode);
          check("any");
          node.uid = uid;
        },
        finish: () => {},
      }),
    seal(permissions) {
      let covered: Change | undefined;
      return operations.perform("seal", path, {
        begin(faultCode) {
          check("any");
          covered = content.pending.at(-1);
          if (faultCode !== undefined) content.forsakePending(disk.random);
          throwFault(faultCode);
          node.mode = permissions;
        },
        finish: () => content.harden(covered),
      });
    },
    stat: () =>
      operations.perform("stat", path, {
        begin(faultCode) {
          throwFault(faultCode);
          check("any");
        },
        finish: () => describe(node),
      }),
    close: () =>
      operations.perform("close", path, {
        begin(faultCode) {
          check("any");
          state = "closed";
          disk.space.closed(node);
          throwFault(faultCode);
        },
        finish: () => {},
      }),
  };
}
