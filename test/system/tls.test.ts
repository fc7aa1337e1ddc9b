/**
 * A whole mail system with TLS on virtual time: certificates that change while it runs,
 * processes that die, a reload.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config/config.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { type MailSystem, startMailSystem } from "#processes/one-process.ts";
import { TLS_FILES_INTERVAL_MS } from "#processes/tls-keeper.ts";
import type { TlsSource } from "#processes/tls-source.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";

const MINUTE_MS = 60_000;
const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const ENDPOINT = { kind: "tcp", host: "127.0.0.1", port: 465 } as const;
const LINES: readonly string[] = [
  'pki mx.example cert "/mx.crt" key "/mx.key"',
  'action "box" maildir "/mail/%{dest.user}"',
  'match from any for any action "box"',
];
const CONFIG = configOf(...LINES, "listen on 127.0.0.1 port 465 smtps pki mx.example");

interface Stage {
  readonly world: SimWorld;
  readonly files: Map<string, string>;
  readonly log: string[];
  readonly system: MailSystem;
}

async function started(config: Config = CONFIG): Promise<Stage> {
  const world = new SimWorld(1);
  await world.disk.files().makeFolder("/spool", 0o700);
  const log: string[] = [];
  const files = new Map([
    ["/mx.crt", "names=mx.example"],
    ["/mx.key", "key"],
  ]);
  const tlsSource: TlsSource = {
    read(path) {
      const text = files.get(path);
      return text === undefined
        ? { kind: "fault", why: `${path} is gone` }
        : { kind: "text", text };
    },
    stamp: (path) => files.get(path),
    identityFault: ({ certificate }) => (certificate === "broken" ? "it is broken" : undefined),
    authorityFault: () => undefined,
    systemAuthorities: () => ({ pem: "" }),
    ticketKey: () => Buffer.alloc(48, 1),
  };
  const system = await world.clock.runUntilSettled(
    startMailSystem(
      { users: world.users, tlsSource, startPart: () => world.startProcess() },
      {
        config,
        spool: "/spool",
        controlSocket: "/control.sock",
        hostname: "host",
        dispatchers: 2,
        log: (line) => log.push(line),
      },
    ),
    MINUTE_MS,
  );
  assert.ok(typeof system !== "string", "it has started");
  return { world, files, log, system };
}

/** The greeting that a client hears which trusts `pem`, or why it hears none. */
async function greeting({ clock, network, tls }: SimWorld, pem: string): Promise<string> {
  const connection = await clock.runUntilSettled(
    network.connect(ENDPOINT, { timeoutMs: 1000 }),
    MINUTE_MS,
  );
  if ("code" in connection) return connection.code;
  const options = {
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem },
    identity: undefined,
  };
  const end = tls.client(options);
  assert.ok("connect" in end, "settings are usable");
  const securing = end.connect(connection, {
    serverName: "mx.example",
    timeoutMs: 1000,
    resumeAs: undefined,
  });
  const secured = await clock.runUntilSettled(securing, MINUTE_MS);
  if (secured.kind === "tls-fault") return secured.message;
  let heard = "";
  secured.connection.start({
    data: (bytes) => (heard += Buffer.from(bytes).toString("latin1")),
    end: () => secured.connection.end(),
    drain: () => undefined,
    closed: () => undefined,
  });
  await clock.advance(1000);
  secured.connection.destroy();
  return `${secured.facts.peer?.verified === true ? "verified" : "unverified"} ${heard.slice(0, 4)}`;
}

test("certificates that change are shown by every dispatcher, without a restart", async () => {
  const { world, files, log } = await started();
  assert.equal(await greeting(world, "names=mx.example"), "verified 220 ");
  files.set("/mx.crt", "names=mx.example,new.example");
  await world.clock.advance(2 * TLS_FILES_INTERVAL_MS);
  for (let turn = 0; turn < 4; turn++) {
    assert.equal(await greeting(world, "names=mx.example,new.example"), "verified 220 ");
  }
  assert.ok(log.includes("info: certificates read again: pki mx.example"), log.join("\n"));
  files.set("/mx.crt", "broken");
  await world.clock.advance(2 * TLS_FILES_INTERVAL_MS);
  assert.equal(await greeting(world, "names=mx.example,new.example"), "verified 220 ");
});

test("a dispatcher that is started again has the certificates of now", async () => {
  const { world, files, system } = await started();
  files.set("/mx.crt", "names=mx.example,new.example");
  await world.clock.advance(2 * TLS_FILES_INTERVAL_MS);
  system.kill("dispatcher");
  await world.clock.advance(MINUTE_MS);
  assert.equal(await greeting(world, "names=mx.example,new.example"), "verified 220 ");
});

test("a reload brings TLS to a daemon that had none, and is refused without the key", async () => {
  const { world, files, system } = await started(
    configOf(...LINES, "listen on 127.0.0.1 port 465"),
  );
  files.delete("/mx.key");
  const refused = await world.clock.runUntilSettled(system.reload(CONFIG), MINUTE_MS);
  assert.ok(refused.kind === "refused");
  assert.match(refused.why, /pki mx\.example: \/mx\.key is gone/u);
  files.set("/mx.key", "key");
  const reloaded = await world.clock.runUntilSettled(system.reload(CONFIG), MINUTE_MS);
  assert.equal(reloaded.kind, "reloaded");
  assert.equal(await greeting(world, "names=mx.example"), "verified 220 ");
});
