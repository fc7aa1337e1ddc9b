import assert from "node:assert/strict";
import { test } from "node:test";
import { resolve } from "node:path";
import { statePaths, submissionPaths } from "./state-paths.ts";

test("a state folder holds everything, whoever asks", () => {
  const expected = {
    state: "/srv/mail",
    spool: "/srv/mail/spool",
    offline: "/srv/mail/offline",
    staples: "/srv/mail/ocsp",
    controlSocket: "/srv/mail/private/control.sock",
    enqueueSocket: "/srv/mail/enqueue.sock",
  };
  assert.deepEqual(statePaths("/srv/mail", 0), expected);
  assert.deepEqual(statePaths("/srv/mail/", 1000), expected);
});

test("root has the system's places", () => {
  assert.deepEqual(statePaths(undefined, 0), {
    state: "/var/spool/postrider",
    spool: "/var/spool/postrider/queue",
    offline: "/var/spool/postrider/offline",
    staples: "/var/cache/postrider/ocsp",
    controlSocket: "/run/postrider/private/control.sock",
    enqueueSocket: "/run/postrider/enqueue.sock",
  });
});

test("anyone else has a folder in the checkout", () => {
  const checkout = resolve(import.meta.dirname, "..", "..");
  assert.equal(
    statePaths(undefined, 1000).controlSocket,
    `${checkout}/.postrider/private/control.sock`,
  );
});

test("a relative state folder starts at the working directory", () => {
  assert.equal(statePaths("here", 0).state, resolve("here"));
});

test("mail is handed to the system's daemon, unless another state folder is named", () => {
  assert.equal(submissionPaths("/srv/mail", 1000).enqueueSocket, "/srv/mail/enqueue.sock");
  assert.equal(submissionPaths(undefined, 0).enqueueSocket, "/run/postrider/enqueue.sock");
  // Who has no folder of his own in the checkout.
  assert.equal(submissionPaths(undefined, 987_654).enqueueSocket, "/run/postrider/enqueue.sock");
});
