/**
 * None of the shipped configurations, nor that of the quickstart, relays for a stranger:
 * whatever the recipient's address looks like, and whoever the client says that it is.
 *
 * Played to the real server and the real rules. Each message must be one that stays
 * here, for a domain of ours; what is refused is fine, and so is what is no command.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { found } from "#base/lookup.ts";
import type { Users } from "#base/ports/users.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import { notBuilt } from "#model/config/not-built.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { DEFAULT_LIMITS } from "#engine/server/limits.ts";
import { SmtpServer } from "#engine/server/smtp-server.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { quickstartConfig } from "#programs/quickstart-config.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";
import { MemoryIntake } from "#test/support/memory-intake.ts";

const NAME = "mx.example.com";
const FOLDER = join(import.meta.dirname, "../../examples");

interface Subject {
  readonly name: string;
  readonly text: string;
  /** Domains that it takes mail for from anybody; "any" for a server that keeps all of it. */
  readonly domains: readonly string[] | "any";
}

const SHIPPED_ALIASES = readFileSync(join(FOLDER, "../packaging/etc/aliases"), "utf8");
const DEFAULT_TEXT = readExample("smtpd.conf");

const SUBJECTS: readonly Subject[] = [
  { name: "the shipped default", text: DEFAULT_TEXT, domains: [] },
  {
    name: "the shipped default, made reachable as its comments say",
    text: DEFAULT_TEXT.replace("#listen on all", "listen on 192.0.2.1").replace("#match", "match"),
    domains: ["example.org"],
  },
  {
    name: "the quickstart",
    text: quickstartConfig("/state", { socket: "/state/smtp.sock", port: "2525", user: "me" }),
    domains: "any",
  },
  { name: "examples/smarthost.conf", text: readExample("smarthost.conf"), domains: [] },
  {
    name: "examples/virtual-domains.conf",
    text: readExample("virtual-domains.conf"),
    domains: ["example.org", "example.net"],
  },
  {
    name: "examples/mail-server.conf",
    text: readExample("mail-server.conf"),
    domains: ["example.org"],
  },
  {
    name: "examples/mail-hub.conf",
    text: readExample("mail-hub.conf"),
    domains: ["example.org", "sub.example.org"],
  },
];

/** Forward-paths, in brackets or not, that have opened relays: victim.test is nobody's. */
const PATHS: readonly string[] = [
  "<user@victim.test>",
  "<USER@VICTIM.TEST>",
  "<user@victim.test.>",
  "<user@mx.example.com.victim.test>",
  "<user@example.org.victim.test>",
  "<user@localhost.victim.test>",
  "<user@victim.test@example.org>",
  "<user@example.org@victim.test>",
  "<user@victim.test@mx.example.com>",
  // The percent hack, bang paths, and both.
  "<user%victim.test@example.org>",
  "<user%victim.test@mx.example.com>",
  "<user%victim.test@[192.0.2.1]>",
  "<user%victim.test%example.org@example.org>",
  "<user%victim.test>",
  "<victim.test!user>",
  "<victim.test!user@example.org>",
  "<mx.example.com!victim.test!user>",
  "<example.org!user%victim.test@mx.example.com>",
  // Source routes (RFC 5321 §4.1.1.3: ignored).
  "<@example.org:user@victim.test>",
  "<@mx.example.com,@example.org:user@victim.test>",
  "<@localhost:user@victim.test>",
  "<@victim.test:user@victim.test>",
  "<@[192.0.2.1]:user@victim.test>",
  "<@example.org:user%victim.test@example.org>",
  // Quoted local parts.
  '<"user@victim.test">',
  '<"user@victim.test"@example.org>',
  '<"user@victim.test"@mx.example.com>',
  '<"user@victim.test"@localhost>',
  '<"user%victim.test"@example.org>',
  '<"victim.test!user"@example.org>',
  '<"@victim.test:user"@example.org>',
  '<"user\\@victim.test"@example.org>',
  '<""@victim.test>',
  '<" "@victim.test>',
  '<"user"@victim.test>',
  '<user"@victim.test"@example.org>',
  "<user\\@victim.test@example.org>",
  // Literals, and names that look like numbers.
  "<user@[203.0.113.99]>",
  "<user@[IPv6:2001:db8::99]>",
  "<user@[127.0.0.1]>",
  "<user@[192.0.2.1]>",
  "<user@[IPv6:::ffff:203.0.113.99]>",
  "<user@203.0.113.99>",
  "<user@127.0.0.1>",
  "<user@2130706433>",
  "<user@0>",
  "<user@[]>",
  "<user@[victim.test]>",
  "<user@#3405803875>",
  // Local names of which nobody outside may be the sender's friend.
  "<user@localhost>",
  "<user@mx.example.com>",
  "<user@mx.example.com.>",
  "<user@local>",
  "<user@>",
  "<@victim.test>",
  "<postmaster>",
  "<postmaster@victim.test>",
  "<user>",
  "<>",
  // Two addresses, comments, blanks, no brackets.
  "<user@example.org,user@victim.test>",
  "<user@example.org> <user@victim.test>",
  "<user@example.org><user@victim.test>",
  "<user@victim.test(@example.org)>",
  "<user(@example.org)@victim.test>",
  "<user @victim.test>",
  "<user@victim.test >",
  "< user@victim.test>",
  "user@victim.test",
  "user@example.org <user@victim.test>",
  "<user@example.org\t@victim.test>",
  "<user@victim.test\0@example.org>",
  "<user@example.org\0@victim.test>",
  "<user@victim.test\n@example.org>",
  "<user@victim.test\r@example.org>",
  // Names of other alphabets, and of none.
  "<user@xn--victim-test>",
  "<user@v\u00EDctim.test>",
  "<user@example.org\u3002victim.test>",
  "<user@ex\u00ADample.org>",
  "<us\u00E9r@victim.test>",
  "<user@*>",
  "<user@*.test>",
  "<*@victim.test>",
  // What other programs would run, write or rewrite.
  '<"|/bin/cat"@victim.test>',
  "<|/bin/cat@victim.test>",
  "</tmp/x@victim.test>",
  "<:include:/etc/passwd@victim.test>",
  "<SRS0=abcd=ab=victim.test=user@example.org>",
  "<user+victim.test@example.org>",
  "<user=victim.test@example.org>",
  "<user--victim.test@example.org>",
  `<${"u".repeat(64)}@victim.test>`,
  `<${"u".repeat(300)}@victim.test>`,
];

/** What clients call themselves and their senders. */
const HELOS = ["client.test", "localhost", NAME, "[127.0.0.1]", "example.org"];
const SENDERS = ["x@client.test", "", "root@localhost", `root@${NAME}`, "x@example.org"];
const STRANGERS = ["203.0.113.9", "2001:db8:bad::9", "::ffff:198.51.100.9", "fe80::9%eth0"];

for (const subject of SUBJECTS) {
  test(`${subject.name} relays no address of an odd shape for a stranger`, async () => {
    const host = new Host(subject);
    for (const client of STRANGERS) await host.send({ client, paths: PATHS });
    host.judge();
  });

  test(`${subject.name} relays for nobody who says that it is one of us`, async () => {
    const host = new Host(subject);
    const paths = PATHS.slice(0, 24);
    for (const helo of HELOS)
      for (const sender of SENDERS) await host.send({ client: "203.0.113.9", helo, sender, paths });
    host.judge();
  });
}

test("default relays no address that is put together of such pieces", async () => {
  const pieces = ["user", "victim.test", "example.org", NAME, "localhost", "[192.0.2.1]"];
  const signs = ["@", "%", "!", ":", ",", '"', "\\", ".", " ", "<", ">", "(", ")", "*"];
  const path = fc.array(fc.constantFrom(...pieces, ...signs), { minLength: 1, maxLength: 8 });
  for (const subject of SUBJECTS.slice(0, 3)) {
    const paths = fc.sample(path, { numRuns: 600, seed: 7 }).map((each) => `<${each.join("")}>`);
    const host = new Host(subject);
    await host.send({ client: "203.0.113.9", paths });
    host.judge();
  }
});

test("the same default relays for this machine", async () => {
  const host = new Host({ name: "the default", text: DEFAULT_TEXT, domains: [] });
  await host.send({ client: "127.0.0.1", paths: ["<user@victim.test>"] });
  assert.deepEqual(host.relayed(), ["user@victim.test"]);
});

test("shipped configurations are read without a complaint, and can be carried out", () => {
  for (const { name, text } of SUBJECTS) {
    const { config, complaints } = parse(text);
    assert.deepEqual(complaints, [], name);
    assert.ok(config);
    assert.deepEqual(notBuilt(config), [], name);
  }
});

interface Sending {
  readonly client: string;
  readonly helo?: string;
  readonly sender?: string;
  readonly paths: readonly string[];
}

/** The server of one configuration, in memory. */
class Host {
  readonly #subject: Subject;
  readonly #intake = new MemoryIntake("open");
  readonly #clock = new SimClock();
  readonly #listener: Listener;
  readonly #server: SmtpServer;

  constructor(subject: Subject) {
    const { config } = parse(subject.text);
    assert.ok(config, subject.name);
    this.#subject = subject;
    this.#listener = listenerAt({ kind: "tcp", host: "192.0.2.1", port: 25 });
    this.#server = serverOf(config, this.#clock, this.#intake);
  }

  /** A session for each path: that a recipient is refused must not save the next one. */
  async send({ client, helo = "client.test", sender = "x@client.test", paths }: Sending) {
    for (const path of paths) {
      const remote = { kind: "tcp", host: client, port: 4025 } as const;
      const connection = new MemoryConnection(remote, this.#listener.endpoint);
      this.#server.accept(connection, this.#listener);
      const lines = [
        `EHLO ${helo}`,
        `MAIL FROM:<${sender}>`,
        `RCPT TO:${path}`,
        "DATA",
        "Subject: x\r\n\r\nx\r\n.",
        "QUIT",
      ];
      for (const line of lines) {
        connection.feed(Buffer.from(`${line}\r\n`), 1024);
        await this.#clock.settle();
      }
      connection.hangUp();
      await this.#clock.settle();
    }
  }

  /** Destinations of what would leave this machine over the network. */
  relayed(): readonly string[] {
    return this.#envelopes()
      .filter(({ transport }) => transport.kind === "mta")
      .map(({ destination }) => destination);
  }

  judge(): void {
    const { name, domains } = this.#subject;
    assert.deepEqual(this.relayed(), [], `${name}: relayed`);
    if (domains === "any") return;
    for (const { destination } of this.#envelopes()) {
      const domain = destination.slice(destination.lastIndexOf("@") + 1).toLowerCase();
      assert.ok(domains.includes(domain), `${name}: takes mail for ${destination}`);
    }
  }

  #envelopes() {
    return this.#intake.kept.flatMap(({ envelopes }) => envelopes);
  }
}

const USERS: Users = {
  lookup: (name) => Promise.resolve(found({ name, uid: 1000, gid: 1000, home: `/home/${name}` })),
};

function serverOf(config: Config, clock: SimClock, intake: MemoryIntake): SmtpServer {
  const ports = { clock, random: new SimRandom(1), resolver: new SimResolver() };
  const settings = {
    maxMessageBytes: config.maxMessageBytes,
    maxRecipients: config.maxRecipients,
    maxMailsPerSession: config.maxMailsPerSession,
    protocol: "smtp",
    limits: DEFAULT_LIMITS,
  } as const;
  const routing = createRouting(config, { users: USERS });
  return new SmtpServer(ports, settings, { routing, intake, observe: () => undefined });
}

function readExample(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8");
}

function parse(text: string): { config: Config | undefined; complaints: readonly string[] } {
  const { config, complaints } = parseConfig(
    {
      file: "smtpd.conf",
      read: (path) => (path === "/etc/mail/aliases" ? SHIPPED_ALIASES : text),
    },
    {
      serverName: NAME,
      interfaces: new Map([
        ["lo", ["127.0.0.1", "::1"]],
        ["eth0", ["192.0.2.1"]],
      ]),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
      checkRegex,
      checkRegexTable,
    },
  );
  return { config, complaints: complaints.map(formatComplaint) };
}
