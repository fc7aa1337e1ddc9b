import assert from "node:assert/strict";
import { test } from "node:test";
import { EHLO, type Story, tellStory } from "#test/support/client-stories.ts";

const OFFERS_TLS = ["220 hi", "250-mx/STARTTLS/SIZE 10"];
const CREDENTIALS = { user: "tim", password: "tanstaaftanstaaf", nonce: "0123456789abcdef" };
const PLAIN = "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm";
const AS_TIM = { tls: "required", credentials: CREDENTIALS } as const;
const NEEDS_TLS = {
  forwardPaths: ["b@y"],
  needs: { utf8: false, eightBit: false, binary: false, requireTls: true },
};
const TO_ONE = { forwardPaths: ["b@y"] };

/** As far as a session under TLS that has heard `ehlo`. */
function underTls(ehlo: string, handshake = "SECURED"): readonly string[] {
  return [...OFFERS_TLS, "220 go", handshake, ehlo];
}
const UP_TO_TLS = [EHLO, "STARTTLS", "secure", EHLO];

const STORIES: readonly Story[] = [
  {
    name: "asks for TLS where it is offered, and forgets what was said before",
    tls: "if-offered",
    mail: TO_ONE,
    happens: [...underTls("250 mx"), "MAIL"],
    does: [...UP_TO_TLS, "ready", "MAIL FROM:<a@x>"],
  },
  {
    name: "goes on in the clear where TLS is not offered and need not be",
    tls: "if-offered",
    happens: ["220 hi", "250 mx"],
    does: [EHLO, "ready"],
  },
  {
    name: "does not ask for TLS where it is not wanted",
    tls: "never",
    happens: OFFERS_TLS,
    does: [EHLO, "ready"],
  },
  {
    name: "leaves where TLS is required and not offered",
    tls: "required",
    happens: ["220 hi", "250-mx/SIZE 10", "221 bye"],
    does: [
      EHLO,
      "failed STARTTLS TLS is required, and the server does not offer it",
      "QUIT",
      "close",
    ],
  },
  {
    name: "does not fall back to HELO where TLS is required",
    tls: "required",
    happens: ["220 hi", "502 what"],
    does: [EHLO, "failed EHLO 502 what", "QUIT"],
  },
  {
    name: "leaves, whatever was wanted, where STARTTLS is refused",
    tls: "if-offered",
    happens: [...OFFERS_TLS, "454 not now"],
    does: [EHLO, "STARTTLS", "failed STARTTLS 454 not now", "QUIT"],
  },
  {
    name: "takes no other yes for the one to STARTTLS",
    tls: "required",
    happens: [...OFFERS_TLS, "354 go on"],
    does: [EHLO, "STARTTLS", "failed STARTTLS Server answered STARTTLS with 354", "close"],
  },
  {
    name: "closes when a reply comes with the one to STARTTLS, before the handshake (OUT-01)",
    tls: "required",
    happens: [...OFFERS_TLS, "220 go|250 injected"],
    does: [EHLO, "STARTTLS", "failed TLS Server sent a reply that was not asked for", "close"],
  },
  {
    name: "closes when a reply comes in the clear while hands are shaken",
    tls: "required",
    happens: [...OFFERS_TLS, "220 go", "250 injected", "SECURED"],
    does: [
      EHLO,
      "STARTTLS",
      "secure",
      "failed TLS Server sent a reply that was not asked for",
      "close",
    ],
  },
  {
    name: "asks for no second TLS under TLS",
    tls: "required",
    happens: underTls("250-mx/STARTTLS"),
    does: [...UP_TO_TLS, "ready"],
  },
  {
    name: "authenticates under TLS by PLAIN",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH LOGIN PLAIN"), "235 yes"],
    does: [...UP_TO_TLS, PLAIN, "ready"],
  },
  {
    name: "authenticates by LOGIN where there is nothing else",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH LOGIN"), "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 yes"],
    does: [...UP_TO_TLS, "AUTH LOGIN", "dGlt", "dGFuc3RhYWZ0YW5zdGFhZg==", "ready"],
  },
  {
    name: "shows no credentials in the clear",
    tls: "if-offered",
    credentials: CREDENTIALS,
    happens: ["220 hi", "250-mx/AUTH PLAIN"],
    does: [EHLO, "failed AUTH Refuse to AUTH over insecure channel", "QUIT"],
  },
  {
    name: "leaves where AUTH is not offered",
    ...AS_TIM,
    happens: underTls("250 mx"),
    does: [...UP_TO_TLS, "failed AUTH AUTH not advertised", "QUIT"],
  },
  {
    name: "leaves where no mechanism is known",
    ...AS_TIM,
    happens: underTls("250-mx/AUTH GSSAPI"),
    does: [...UP_TO_TLS, "failed AUTH no supported AUTH method", "QUIT"],
  },
  {
    name: "leaves when its credentials are refused",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH PLAIN"), "535 5.7.8 no"],
    does: [...UP_TO_TLS, PLAIN, "failed AUTH 535 5.7.8 no", "QUIT"],
  },
  {
    name: "closes at a challenge without end (OUT-28)",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH LOGIN"), `334 ${"A".repeat(2000)}`],
    does: [...UP_TO_TLS, "AUTH LOGIN", "failed AUTH AUTH challenge is too long", "close"],
  },
  {
    name: "closes at more challenges than the mechanism has (OUT-28)",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH PLAIN"), "334 "],
    does: [...UP_TO_TLS, PLAIN, "failed AUTH AUTH challenge that was not asked for", "close"],
  },
  {
    name: "closes at a yes that came too early",
    ...AS_TIM,
    happens: [...underTls("250-mx/AUTH LOGIN"), "235 yes"],
    does: [
      ...UP_TO_TLS,
      "AUTH LOGIN",
      "failed AUTH Server says yes before it was told who we are, or has shown who it is",
      "close",
    ],
  },
  {
    name: "hands on that a mail requires TLS, under proven TLS, to who promises the same",
    tls: "required",
    mail: NEEDS_TLS,
    happens: [...underTls("250-mx/REQUIRETLS", "PROVEN"), "MAIL"],
    does: [...UP_TO_TLS, "ready", "MAIL FROM:<a@x> REQUIRETLS"],
  },
  ...(
    [
      ["to a server that nobody has proven", "250-mx/REQUIRETLS", "SECURED"],
      ["to a server that does not promise the same", "250 mx", "PROVEN"],
    ] as const
  ).map(([name, ehlo, handshake]) => ({
    name: `does not send a mail that requires TLS ${name}`,
    tls: "required" as const,
    mail: NEEDS_TLS,
    happens: [...underTls(ehlo, handshake), "MAIL"],
    does: [
      ...UP_TO_TLS,
      "ready",
      "unsendable Message requires TLS, which this server does not promise to go on with",
    ],
  })),
];

for (const story of STORIES) {
  test(`client session ${story.name}`, () => {
    assert.deepEqual(tellStory(story), story.does);
  });
}
