/** Records and policies of MTA-STS: read or refused, never thrown at, in bounded work. */
import { hasStsHost, MAX_STS_HOSTS, parseStsPolicy } from "#protocols/sts/sts-policy.ts";
import { parseStsRecord } from "#protocols/sts/sts-record.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const POLICY =
  "version: STSv1\r\nmode: enforce\r\nmx: mx.example\r\nmx: *.b.example\r\nmax_age: 60\r\n";

export const sts: FuzzTarget = {
  name: "sts",
  words: [
    "v=STSv1;",
    "id=1",
    ";",
    "mx: ",
    "*.",
    "\r\n",
    "\n",
    "mode: none",
    "max_age: ",
    "\t",
    ":",
  ],
  seeds: () => [POLICY, "v=STSv1; id=20160831085700Z;", "v=STSv1;id=a;b=c"],
  run: (input) => {
    const text = input.toString("latin1");
    parseStsRecord([text]);
    const policy = parseStsPolicy(text);
    if (typeof policy === "string") return;
    if (policy.hosts.length > MAX_STS_HOSTS) throw new Error("more hosts than there may be");
    hasStsHost(policy, "a.b.example");
  },
};
