/**
 * Whether root's mail has somewhere to go. Programs of the machine write to root, and
 * nothing is ever delivered as uid 0: an alias must lead to an unprivileged account or
 * to another address. The mail is expanded as it would be, with the system's users.
 */
import type { Users } from "#base/ports/users.ts";
import type { LocalAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Rule } from "#model/config/rule.ts";
import type { Origin } from "#model/envelope.ts";
import type { Tell } from "#model/reason.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { createRouting } from "#policy/ruleset/routing.ts";
import { ExpansionTrace } from "./expansion-trace.ts";
import { type Finding, warning } from "./finding.ts";

/** Who is an alias of root on most machines (aliases(5)). */
const NAMES_OF_ROOT = ["postmaster", "mailer-daemon", "abuse", "hostmaster", "webmaster"] as const;

export async function rootMail(config: Config, users: Users): Promise<readonly Finding[]> {
  const origin = localOrigin(config.listeners);
  // From here nothing is handed in.
  if (origin === undefined) return [];
  const root = await expand(config, users, { origin, user: "root" });
  if (!isRefused(root.resolution) || root.decided === undefined) return [];
  const alike: string[] = [];
  for (const user of NAMES_OF_ROOT) {
    const other = await expand(config, users, { origin, user });
    if (isRefused(other.resolution) && other.trace.has("root")) alike.push(user);
  }
  const { rule, action } = root.decided;
  const names = ["root", ...alike].join(", ");
  return [
    warning(
      rule.at,
      `mail for ${names} has nowhere to go: ${root.resolution.why}`,
      hintFor(action),
    ),
  ];
}

interface Expanded {
  readonly resolution: Resolution;
  readonly trace: ExpansionTrace;
  /** The rule for the address, if it is for a local action. */
  readonly decided: { readonly rule: Rule; readonly action: LocalAction } | undefined;
}

async function expand(
  config: Config,
  users: Users,
  { origin, user }: { readonly origin: Origin; readonly user: string },
): Promise<Expanded> {
  const trace = new ExpansionTrace();
  let decided: Expanded["decided"];
  let isDecided = false;
  const tell: Tell = (step) => {
    trace.tell(step);
    if (step.kind !== "rule-matched" || isDecided) return;
    isDecided = true;
    const rule = config.rules.find(({ at }) => at === step.rule);
    const action = rule?.action;
    if (rule === undefined || action === undefined) return;
    if (action !== "reject" && action.kind !== "relay") decided = { rule, action };
  };
  const routing = createRouting(config, {
    users,
    forwardFiles: { read: () => ({ kind: "absent" }) },
  });
  const address = `root@${config.serverName}`;
  const query: RecipientQuery = {
    origin,
    via: origin.kind === "local" ? "socket" : "tcp",
    tls: false,
    reversePath: address,
    forwardPath: `${user}@${config.serverName}`,
  };
  return { resolution: await routing.resolve(query, tell), trace, decided };
}

/** For good; what could not be asked, or waits for a forward file, is another matter. */
function isRefused(
  resolution: Resolution,
): resolution is Extract<
  Resolution,
  { readonly kind: "rejected" | "expansion" | "expansion-later" }
> {
  return resolution.kind === "rejected" || resolution.kind === "expansion";
}

function hintFor({ aliases }: LocalAction): string {
  if (aliases?.kind === "alias")
    return `write 'root: NAME' into <${aliases.table.name}>, with the name of an unprivileged account`;
  if (aliases?.kind === "virtual")
    return `give root@… an address or an unprivileged account in <${aliases.table.name}>`;
  return "give the action 'alias <aliases>', where root is an unprivileged account: 'root: NAME'";
}

/** How a program of this machine comes in; undefined if there is no way. */
function localOrigin(listeners: readonly Listener[]): Origin | undefined {
  const listener = listeners.find(({ endpoint }) => endpoint.kind === "unix") ?? listeners[0];
  if (listener === undefined) return undefined;
  const { endpoint, tag } = listener;
  const shared: Omit<Origin, "kind" | "address"> = {
    hostname: "localhost",
    helo: "localhost",
    fcrdns: "pass",
    tag,
    username: "",
    tls: undefined,
  };
  return endpoint.kind === "unix"
    ? { ...shared, kind: "local", address: "local" }
    : { ...shared, kind: "smtp", address: "127.0.0.1" };
}
