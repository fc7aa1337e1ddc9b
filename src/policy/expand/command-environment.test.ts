import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { commandEnvironment } from "./command-environment.ts";

const VALUES = {
  sender: "s@x.example",
  rcpt: "info@y.example",
  dest: "ann+lists@y.example",
  username: "ann",
  directory: "/home/ann",
  subAddressDelimiter: "+",
};

test("a command knows whose mail it has, from whom, and how it was addressed", () => {
  assert.deepEqual(commandEnvironment(VALUES, "lists"), {
    PATH: "/usr/bin:/bin",
    SHELL: "/bin/sh",
    HOME: "/home/ann",
    USER: "ann",
    LOGNAME: "ann",
    SENDER: "s@x.example",
    RECIPIENT: "ann+lists@y.example",
    ORIGINAL_RECIPIENT: "info@y.example",
    LOCAL: "info",
    DOMAIN: "y.example",
    EXTENSION: "lists",
  });
});

test("a bounce has an empty sender, and without a sub-address there is no EXTENSION", () => {
  const environment = commandEnvironment({ ...VALUES, sender: "" }, "");
  assert.equal(environment["SENDER"], "");
  assert.equal("EXTENSION" in environment, false);
});

test("MDA-02: no value that a peer chose means anything to a shell, with quotes or without", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (sender, extension) => {
      const environment = commandEnvironment({ ...VALUES, sender, rcpt: sender }, extension);
      for (const name of ["SENDER", "ORIGINAL_RECIPIENT", "LOCAL", "DOMAIN", "EXTENSION"]) {
        assert.match(environment[name] ?? "", /^(?![-.])[\p{L}\p{N}@%+=:,._-]*$/u, name);
      }
    }),
  );
});
