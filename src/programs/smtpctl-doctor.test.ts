import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Check, fail, ok, unknown, warn } from "#engine/doctor/verdict.ts";
import { certify } from "#test/support/certificates.ts";
import { configOf } from "#test/support/config-of.ts";
import { surroundingsOf } from "#test/support/surroundings.ts";
import { SimClock } from "#world/sim/clock.ts";
import { certificateChecks, chainFor } from "./doctor-certificates.ts";
import { runDoctor } from "./smtpctl-doctor.ts";
import { DOCTOR_USAGE, parseDoctorArguments } from "./smtpctl-doctor-arguments.ts";
import type { Surroundings } from "./surroundings.ts";

const CHECKS: readonly Check[] = [
  { name: "daemon", subject: "", look: async () => ok("smtpd answers") },
  { name: "spf", subject: "d.example", look: async () => warn("one \u001b[2J", "mend\nit") },
  { name: "clock", subject: "", look: async () => unknown("nobody tells") },
];

async function run(
  args: readonly string[],
  checks = CHECKS,
): Promise<readonly [number, string, string]> {
  let prints = "";
  let complains = "";
  const clock = new SimClock();
  const running = runDoctor(
    args,
    { clock, checksFor: async () => checks },
    {
      print: (text) => (prints += String(text)),
      complain: (text) => (complains += text),
      drained: () => undefined,
      isTerminal: false,
    },
  );
  return [await clock.runUntilSettled(running, 600_000), prints, complains];
}

test("what is found is told with what to do, and nothing of a stranger operates the terminal", async () => {
  assert.deepEqual(await run([]), [
    0,
    [
      "ok      daemon: smtpd answers",
      "warn    spf d.example: one \\033[2J",
      "        -> mend\\nit",
      "unknown clock: nobody tells",
      "1 ok, 1 warn, 0 fail, 1 unknown",
      "",
    ].join("\n"),
    "",
  ]);
});

test("--json prints an object for each check, and no sum", async () => {
  const [status, prints] = await run(["--json"], CHECKS.slice(1, 2));
  assert.equal(status, 0);
  assert.equal(
    prints,
    '{"check":"spf","subject":"d.example","health":"warn","found":"one \\u001b[2J","advice":"mend\\nit"}\n',
  );
});

test("one failure is the exit status", async () => {
  const sick = { name: "disk", subject: "/", look: async () => fail("full", "") };
  assert.equal((await run([], [...CHECKS, sick]))[0], 1);
});

describe("wrong options:", () => {
  const CASES: readonly (readonly [args: string, why: string])[] = [
    ["now", "Unexpected argument 'now'"],
    ["--domain a..b", "--domain cannot be 'a..b'"],
    ["--selector -x", ""],
    ["--selector a/b", "--selector cannot be 'a/b'"],
    ["--address mx.example", "--address cannot be 'mx.example'"],
    ["--address fe80::1%eth0", "--address cannot be 'fe80::1%eth0'"],
    ["--connect mx.example:25", "--connect cannot be 'mx.example:25'"],
    ["--compat postfix", "--compat wants opensmtpd or none: got postfix"],
    ["--domain a.example ".repeat(21).trim(), "--domain is given more than 20 times"],
  ];
  for (const [args, why] of CASES)
    test(args.slice(0, 40), async () => {
      const [status, prints, complains] = await run(args.split(" "));
      assert.deepEqual([status, prints], [2, ""]);
      assert.ok(complains.startsWith(`smtpctl: ${why}`), complains);
      assert.ok(complains.endsWith(DOCTOR_USAGE), complains);
    });
});

test("the options are taken", () => {
  const words =
    "--domain D.example --selector a --selector b --address 192.0.2.1 --address 2001:DB8:0::1 --connect mx.example --no-dns -f x";
  const parsed = parseDoctorArguments(words.split(" "));
  assert.ok(parsed.kind === "arguments");
  const { domains, selectors, addresses, connect, dns, choice } = parsed;
  assert.deepEqual(
    { domains, selectors, addresses, connect, dns, file: choice.file },
    {
      domains: ["d.example"],
      selectors: ["a", "b"],
      addresses: ["192.0.2.1", "2001:db8::1"],
      connect: "mx.example",
      dns: false,
      file: "x",
    },
  );
});

const RULES = ['action "in" mbox', 'match from any for any action "in"'];
const CONFIG = configOf(
  'pki mx.d.example cert "/c"',
  'pki mx.d.example key "/k"',
  "listen on 127.0.0.1 tls pki mx.d.example hostname mx.d.example",
  ...RULES,
);
const OWN = certify({ subject: "mx", dns: ["mx.d.example"] });

async function certificate(around: Surroundings, config = CONFIG): Promise<string> {
  const [check] = certificateChecks(config, around);
  assert.ok(check !== undefined);
  const { health, found } = await check.look();
  return `${health}: ${found}`;
}

describe("a certificate", () => {
  const files = { "/c": OWN.certificate, "/k": OWN.key };
  test("that is in order is told with its end", async () => {
    assert.match(
      await certificate(surroundingsOf(files)),
      /^ok: for mx\.d\.example, until \d{4}-\d\d-\d\d$/u,
    );
  });
  test("that has expired has failed, and one that soon will is warned of", async () => {
    const old = certify({ subject: "mx", dns: ["mx.d.example"], days: -1 });
    assert.match(
      await certificate(surroundingsOf({ "/c": old.certificate, "/k": old.key })),
      /^fail: .* expired on /u,
    );
    const short = certify({ subject: "mx", dns: ["mx.d.example"], days: 5 });
    assert.match(
      await certificate(surroundingsOf({ "/c": short.certificate, "/k": short.key })),
      /^warn: .* expires on /u,
    );
  });
  test("with the key of another has failed", async () => {
    const other = certify({ subject: "mx" });
    assert.match(
      await certificate(surroundingsOf({ ...files, "/k": other.key })),
      /^fail: the key of pki mx\.d\.example is not/u,
    );
  });
  test("that may not be read is unknown, and none at all is warned of", async () => {
    assert.match(
      await certificate(surroundingsOf({ "/c": OWN.certificate }, ["/k"])),
      /^unknown: \/k cannot be read/u,
    );
    assert.match(
      await certificate(surroundingsOf({}), configOf("listen on 127.0.0.1", ...RULES)),
      /^warn: there is no certificate/u,
    );
  });
  test("is what DANE is compared with", () => {
    assert.deepEqual(
      chainFor("mx.d.example", CONFIG, surroundingsOf(files)).map(({ names }) => names),
      [["mx.d.example"]],
    );
    assert.deepEqual(chainFor("other.example", CONFIG, surroundingsOf(files)), []);
    assert.deepEqual(chainFor("mx.d.example", CONFIG, surroundingsOf({})), []);
  });
});
