import assert from "node:assert/strict";
import { test } from "node:test";
import { lockfileFaults, missingPackages } from "./complete-lockfile.ts";

test("a lock file gets an entry for each optional package that it lacks", () => {
  const packages = {
    "node_modules/tool": {
      version: "1.2.3",
      dev: true,
      optionalDependencies: {
        "@tool/linux-x64": "1.2.3",
        "@tool/linux-x64-musl": "1.2.3",
        "@tool/win32-ia32-msvc": "1.2.3",
      },
    },
    "node_modules/@tool/linux-x64": { version: "1.2.3", dev: true, optional: true },
  };
  assert.deepEqual(missingPackages(packages), {
    "node_modules/@tool/linux-x64-musl": {
      version: "1.2.3",
      dev: true,
      optional: true,
      os: ["linux"],
      cpu: ["x64"],
      libc: ["musl"],
    },
    "node_modules/@tool/win32-ia32-msvc": {
      version: "1.2.3",
      dev: true,
      optional: true,
      os: ["win32"],
      cpu: ["ia32"],
    },
  });
});

test("a lock file without gaps is left alone", () => {
  assert.deepEqual(missingPackages({ "node_modules/tool": { version: "1.2.3" } }), {});
});

test("a download address and an install script are faults", () => {
  const packages = {
    "node_modules/one": { resolved: "https://registry.example/one.tgz" },
    "node_modules/two": { hasInstallScript: true },
  };
  assert.deepEqual(lockfileFaults(packages), [
    "node_modules/one: has a download address",
    "node_modules/two: needs an install script",
  ]);
});
