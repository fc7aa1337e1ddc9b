/** Texts of whole configurations, for properties of parser, printer and serialiser. */
import * as fc from "fast-check";

/** A text as it may stand in a file: bare, or in quotes with their escapes. */
const quotedText = fc
  .array(
    fc.constantFrom(
      "a",
      "Z",
      "9",
      ".",
      " ",
      "\t",
      "\\x",
      '\\"',
      "\\ ",
      "\\\\ ",
      "'",
      "#",
      "{",
      "}",
      "=>",
      ",",
      "$n",
      "é",
      "%%",
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => `"x${parts.join("")}."`);
const bareText = fc
  .stringMatching(/^[a-z][a-z0-9.:;@~*+"'\\-]{0,8}[a-z]$/u)
  .map((text) => `q${text}`);
const text = fc.oneof(
  quotedText,
  bareText,
  fc.constantFrom("bare\\\\", '"10/8"', '"25"', '"listen"'),
);
const list = fc
  .array(text, { minLength: 1, maxLength: 4 })
  .map((items) => `{ ${items.join(", ")} }`);
const operand = fc.oneof(list, text, fc.constant("<words>"));
const pattern = fc.constantFrom("", "regex ");
const not = fc.constantFrom("", "!", "! ");

/** Some of `parts`, in any order, after `head`. */
function line(head: string, ...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const order = fc.shuffledSubarray(parts.map((_, index) => index));
  return fc
    .tuple(order, ...parts)
    .map(([indices, ...texts]) => [head, ...indices.map((index) => texts[index] ?? "")].join(" "));
}

function word(written: string): fc.Arbitrary<string> {
  return fc.constant(written);
}

function valued(name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return value.map((each) => `${name} ${each}`);
}

const ciphers = valued("ciphers", fc.constantFrom("secure", "ALL", '"HIGH:!aNULL"', "compat"));
const curves = valued("curves", fc.constantFrom('"x25519,P-256"', "secp521r1", "auto"));
const protocols = valued("protocols", fc.constantFrom('"!tlsv1.1"', "secure", '"tlsv1.3"', "all"));
const filter = valued("filter", fc.constantFrom("f0", "f1", "fs", "{ f0 f1 }", "{ f1, f0 }"));
const tag = valued("tag", text);

const listeners = fc.tuple(
  line(
    "listen on lo port 25",
    word("inet6"),
    tag,
    filter,
    ciphers,
    curves,
    protocols,
    word("mask-src"),
    word("received-auth"),
    word("no-dsn"),
    word("proxy-v2 from 192.0.2.1"),
    word("hostname h.example"),
    word("hostnames <addresses>"),
    word("hostnames { ::1 = h }"),
    word("senders <pairs> masquerade"),
  ).filter((each) => each.split(" hostnames ").length < 3),
  line(
    "listen on lo port 26 pki p",
    ciphers,
    curves,
    protocols,
    tag,
    filter,
    word('pki "*"'),
    word("ca c"),
    word("senders <pairs>"),
    fc.constantFrom(
      "auth",
      "auth-optional <secrets>",
      "auth <secrets> oauth o",
      "auth-optional oauth o2",
    ),
  ).chain((each) =>
    fc
      .constantFrom(
        "tls",
        "tls verify",
        "tls-require",
        "smtps verify",
        'tls verify fingerprint "abababababababababababababababababababababababababababababababab"',
      )
      .map((mode) => `${each} ${mode}`),
  ),
  line(
    "listen on socket",
    tag,
    filter,
    word("mask-src"),
    word("no-dsn"),
    fc.constantFrom("auth", "auth <secrets> oauth o2"),
    word("senders <pairs> masquerade"),
    word("user app"),
    word("group app"),
    fc.constantFrom("mode 0600", "mode 777"),
  ),
);

const settings = fc.tuple(
  line(
    "\n",
    word("smtp max-message-size 1.5K\n"),
    word("smtp limit max-rcpt 7 max-mails 8\n"),
    word('smtp sub-addr-delim "#"\n'),
    word("queue ttl 25h\n"),
    word("queue compression\n"),
    word("queue encryption stdin\n"),
    word("trace age 36h\n"),
    word("trace size 1G\n"),
    fc.constantFrom("", "trace mask\n", "trace off\n"),
    word("bounce warn-interval 2h 1h, 3d\n"),
    word('admd "a b"\n'),
    word("mta max-deferred 7\n"),
    word("mta sts\n"),
    word('mta tls-report from "tls@a.example"\n'),
    word('mta tls-report from b@c.example organization "B, Inc."\n'),
    word("compat opensmtpd\n"),
    word("mta limit inet4 max-conn-per-host 3 session-keepalive 0\n"),
    word("mta limit for domain Example.org inet6 task-hiwat 9\n"),
    word("mta limit for domain b.example conn-delay-route 0\n"),
    word("compat none\n"),
    word("mda limit max-session 3\n"),
    word("scheduler limit max-inflight 5\n"),
    word("srs key backup b\n"),
    word("srs ttl 3d\n"),
    word("pki p dhe auto\n"),
    line("smtp tls ciphers legacy", curves, protocols).map((each) => `${each}\n`),
  ).map((each) => each.replaceAll("\n ", "\n")),
);

const ttl = fc.constantFrom("", " ttl 90s", " ttl 3d");
const local = [
  fc.constantFrom(
    "alias <pairs>",
    "virtual <pairs> allow-exec",
    'alias { "a" = "b, c" } allow-exec',
  ),
  fc.constantFrom("forward-file", "forward-file allow-exec"),
  fc.constantFrom("userbase <users>"),
  fc.constantFrom("wrapper w"),
];
const user = word("user vmail");
const actions = fc.oneof(
  line("mbox", ...local),
  line("forward-only", ...local),
  line("expand-only", ...local),
  line("maildir", word("junk"), user, ...local),
  text.chain((path) => line(`maildir ${path}`, word("junk"), user, ...local)),
  line('lmtp "/run/l m"', word("rcpt-to"), user, ...local),
  line('lmtp "[::1]:24"', user, ...local),
  line('lmtp "/run/%{rcpt.domain:lowercase[0:3]}"', word("rcpt-to"), ...local),
  line('mda "/bin/x \'%{rcpt}\' \\"q\\""', user, ...local),
  line(
    "relay",
    ciphers,
    curves,
    protocols,
    filter,
    word("srs"),
    word("pki p"),
    word("ca c"),
    fc.constantFrom("tls", "tls no-verify"),
    word("mail-from a@b.example"),
    word("src <addresses>"),
    word("helo h"),
    word("helo-src { 192.0.2.1 = out.example }"),
    fc.constantFrom(
      "backup",
      "backup mx mx2.example",
      "domain <routes>",
      'host { mx.example, "lmtp://[::1]:24", "smtps://k@mx.example:466" } auth <secrets>',
    ),
  ),
);

const criterion: readonly fc.Arbitrary<string>[] = [
  fc
    .tuple(
      not,
      fc.oneof(
        fc.constantFrom(
          "from any",
          "from local",
          "from socket",
          "from src { ::1, 10.0.0.0/8 }",
          "from rdns",
        ),
        fc.tuple(pattern, operand).map(([regex, table]) => `from rdns ${regex}${table}`),
      ),
    )
    .map((parts) => parts.join("")),
  fc
    .tuple(
      not,
      fc.oneof(
        fc.constantFrom("for any", "for local", "for domain <localnames>"),
        fc.tuple(pattern, operand).map(([regex, table]) => `for domain ${regex}${table}`),
      ),
    )
    .map((parts) => parts.join("")),
  not.map((negation) => `${negation}tls`),
  not.map(
    (negation) =>
      `${negation}tls fingerprint { "SHA256:Dx4tPEtaaXiHlqW0w9Lh8A8eLTxLWml4h5altMPS4fA=", abababababababababababababababababababababababababababababababab }`,
  ),
  fc.oneof(
    not.map((negation) => `${negation}auth`),
    fc.tuple(not, pattern, operand).map(([no, regex, table]) => `${no}auth ${regex}${table}`),
  ),
  ...["tag", "helo", "mail-from", "rcpt-to"].map((name) =>
    fc.tuple(not, pattern, operand).map(([no, regex, table]) => `${no}${name} ${regex}${table}`),
  ),
];
const rule = line("match", ...criterion).map((each) => `${each} action x`);

/** Most of them have a meaning: what a line names is declared, in lines around it. */
export const configTextArbitrary: fc.Arbitrary<string> = fc
  .tuple(
    listeners,
    settings,
    fc.tuple(actions, ttl),
    fc.array(rule, { minLength: 1, maxLength: 4 }),
    list,
  )
  .map(([listens, values, [action, life], rules, words]) =>
    [
      `table words ${words}`,
      'table pairs { "a" = "b", "c d" => "e@f.example" }',
      'table secrets { "k" = "user:password" }',
      'table users { alice = "1000:1000:/home/alice" }',
      "table routes { a.example = mx.example }",
      "table addresses { 192.0.2.1 = one.example, ::1 = two.example }",
      'pki p cert "/c.pem" key "/k.pem"',
      'pki "*" cert "/c.pem" key "/k.pem" dhe legacy',
      'ca c cert "/ca.pem"',
      'oauth o introspect "https://id.example/i?a=b" scope "smtp" claim email ca c',
      'oauth o2 introspect "http://[::1]:8080/"',
      "srs key s",
      'proc prog "/bin/f a" user u group g',
      "filter f0 proc prog",
      'filter f1 phase mail-from match !mail-from <words> reject "550 no"',
      "filter fs chain { f0, f2, f1 }",
      'filter f2 proc-exec "f" chroot "/var/empty"',
      'mda wrapper w "/bin/w %{mda}"',
      ...values,
      ...listens,
      `action x ${action}${life}`,
      "action other relay",
      ...rules,
      "match reject",
    ].join("\n"),
  );
