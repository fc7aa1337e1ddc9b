/**
 * Whether the policy of MTA-STS that a domain announces is there for others, and lets them in:
 * who enforces it brings no mail to an exchanger that it does not name.
 *
 * Source: RFC 8461 §3.1, §3.2, §4, §5.
 */
import type { Http } from "#base/ports/http.ts";
import type { DnsAnswer, Resolver } from "#base/ports/resolver.ts";
import { hasStsHost, type StsPolicy } from "#protocols/sts/sts-policy.ts";
import { parseStsRecord } from "#protocols/sts/sts-record.ts";
import { fetchStsPolicy, stsPolicyUrl } from "#engine/sts/fetch-policy.ts";
import { fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

const SHOWN_HOSTS = 4;
/** What is shorter is gone before most senders come again (RFC 8461 §3.2 has weeks in mind). */
const SHORT_AGE_SECONDS = 86_400;

const OPTIONAL = "not needed; MTA-STS or DANE keep mail from going in the clear";

export interface StsPolicySetting {
  readonly resolver: Pick<Resolver, "texts" | "mx">;
  readonly http: Pick<Http, "get">;
}

export async function lookAtStsPolicy(
  domain: string,
  { resolver, http }: StsPolicySetting,
): Promise<Verdict> {
  const answer = await resolver.texts(`_mta-sts.${domain}`);
  if (answer.kind === "unavailable") return noAnswer(`TXT of _mta-sts.${domain}`, answer.cause);
  const texts = answer.kind === "found" ? answer.value : [];
  if (!texts.some((text) => text.startsWith("v=STSv1")))
    return ok("no MTA-STS: others may come without TLS", OPTIONAL);
  const id = parseStsRecord(texts);
  if (id === undefined)
    return fail("the record of MTA-STS cannot be read, and counts as none", "mend the TXT record");
  const fetched = await fetchStsPolicy(http, domain);
  if (fetched.kind === "unavailable")
    return unknown(
      `policy ${id} could not be fetched: ${fetched.why}`,
      `see ${stsPolicyUrl(domain)}`,
    );
  if (fetched.kind === "none")
    return fail(
      `there is a record of policy ${id}, and no policy: ${fetched.why}`,
      `serve it as text/plain at ${stsPolicyUrl(domain)}, with a certificate for mta-sts.${domain}`,
    );
  const exchangers = exchangersOf(domain, await resolver.mx(domain));
  return judge(`policy ${id}`, fetched.policy, exchangers);
}

/** Undefined: nobody answered. Without MX records the domain itself is one (RFC 5321 §5.1). */
function exchangersOf(
  domain: string,
  answer: DnsAnswer<readonly { readonly exchange: string }[]>,
): readonly string[] | undefined {
  if (answer.kind === "unavailable") return undefined;
  if (answer.kind === "absent") return [domain];
  // A null MX takes no mail, and nobody asks for its policy.
  return answer.value.map(({ exchange }) => exchange.toLowerCase()).filter(Boolean);
}

function judge(
  name: string,
  policy: StsPolicy,
  exchangers: readonly string[] | undefined,
): Verdict {
  const { mode, hosts, maxAgeSeconds } = policy;
  const age = `max_age ${maxAgeSeconds}`;
  if (mode === "none")
    return ok(`${name}: mode none, ${age}: others may come without TLS`, OPTIONAL);
  const said = `${name}: mode ${mode}, ${age}, for ${few(hosts)}`;
  if (exchangers === undefined)
    return unknown(`${said}; its exchangers could not be compared: the DNS did not answer`);
  const missing = exchangers.filter((host) => !hasStsHost(policy, host));
  if (missing.length > 0) {
    const tell = mode === "enforce" && missing.length === exchangers.length ? fail : warn;
    const what = mode === "enforce" ? "others bring no mail there" : "others report it";
    return tell(
      `${said}; it does not have ${few(missing)}: ${what}`,
      `add ${few(missing.map((host) => `mx: ${host}`))}, then change the id of the record`,
    );
  }
  if (maxAgeSeconds < SHORT_AGE_SECONDS)
    return warn(`${said}; it is forgotten within a day`, "have a max_age of weeks");
  return mode === "testing"
    ? ok(
        said,
        "mode testing changes nothing for mail: enforce it when reports (TLS-RPT) find no fault",
      )
    : ok(said);
}

function few(words: readonly string[]): string {
  const left = words.length - SHOWN_HOSTS;
  return words.slice(0, SHOWN_HOSTS).join(", ") + (left > 0 ? `, and ${left} more` : "");
}
