/** Prints listeners: a line for each endpoint, with every option. */
import { credentialsOf, type Listener, type ListenerProxy } from "./listener.ts";
import { line, optional, type Printed, type PrintedLine } from "./printed-line.ts";
import { printNames, printOperand } from "./print-table.ts";
import { printWord, quote } from "./quote.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { formatCiphers, formatCurves, formatProtocols } from "./tls-values.ts";

export function printListener(listener: Listener): PrintedLine {
  const { at, endpoint, places, tag, maskSource, noDsn, filters, protocol } = listener;
  const [target, first] =
    endpoint.kind === "unix"
      ? [`socket ${quote(endpoint.path)}`, socketOptions(listener)]
      : [printWord(endpoint.host), addressOptions(listener)];
  return line(`listen on ${target}`, at, [
    ...first,
    ...optional(tag !== "", `tag ${printWord(tag)}`, places.tag),
    ...optional(filters.length > 0, `filter ${printNames(filters)}`, places.filters),
    ...optional(maskSource, "mask-src", places.maskSource),
    ...optional(noDsn, "no-dsn", places.noDsn),
    ...optional(protocol === "lmtp", "lmtp", places.protocol),
  ]);
}

/** `ciphers S`, `curves S`, `protocols S`, as far as they are set. */
export function tlsWords({ ciphers, curves, protocols }: TlsSettings): readonly string[] {
  const words: string[] = [];
  if (ciphers) words.push(`ciphers ${quote(formatCiphers(ciphers))}`);
  if (curves) words.push(`curves ${quote(formatCurves(curves))}`);
  if (protocols) words.push(`protocols ${quote(formatProtocols(protocols))}`);
  return words;
}

function proxyWords({ version, from }: ListenerProxy): string {
  const word = version === "v1" ? "proxy" : "proxy-v2";
  return from === undefined ? word : `${word} from ${printOperand(from)}`;
}

function socketOptions(listener: Listener): readonly Printed[] {
  const { socketMode, socketUser, socketGroup, places } = listener;
  const mode = socketMode.toString(8).padStart(4, "0");
  return [
    { text: `mode ${mode}`, at: places.socketMode },
    ...optional(socketUser !== undefined, `user ${printWord(socketUser ?? "")}`, places.socketUser),
    ...optional(
      socketGroup !== undefined,
      `group ${printWord(socketGroup ?? "")}`,
      places.socketGroup,
    ),
    ...authOptions(listener),
    ...sendersOptions(listener),
  ];
}

function addressOptions(listener: Listener): readonly Printed[] {
  const { at, endpoint, places, hostname, hostnames, receivedAuth, proxy, xclient } = listener;
  const port = endpoint.kind === "tcp" ? endpoint.port : 0;
  return [
    { text: `port ${port}`, at: places.endpoint },
    ...tlsOptions(listener),
    ...authOptions(listener),
    { text: `hostname ${printWord(hostname)}`, at: places.hostname },
    ...(hostnames
      ? [{ text: `hostnames ${printOperand(hostnames)}`, at: places.hostnames ?? at }]
      : []),
    ...sendersOptions(listener),
    ...optional(receivedAuth, "received-auth", places.receivedAuth),
    ...(proxy ? [{ text: proxyWords(proxy), at: places.proxy ?? at }] : []),
    ...(xclient
      ? [{ text: `xclient from ${printOperand(xclient)}`, at: places.xclient ?? at }]
      : []),
  ];
}

const TLS_WORDS = { starttls: "tls", "starttls-required": "tls-require", smtps: "smtps" } as const;

function tlsOptions({ at, tls, places }: Listener): readonly Printed[] {
  if (tls.mode === "none") return [];
  const words = [
    TLS_WORDS[tls.mode] + (tls.verify ? " verify" : ""),
    ...(tls.fingerprints ? [`fingerprint ${printOperand(tls.fingerprints)}`] : []),
    ...tls.pkis.map(({ name }) => `pki ${printWord(name)}`),
    ...(tls.ca === undefined ? [] : [`ca ${printWord(tls.ca.name)}`]),
    ...tlsWords(tls.settings),
  ];
  return [{ text: words.join(" "), at: places.tls ?? at }];
}

function sendersOptions({ at, senders, places }: Listener): readonly Printed[] {
  if (senders === undefined) return [];
  const masquerade = senders.masquerade ? " masquerade" : "";
  const text = `senders ${printOperand(senders.table)}${masquerade}`;
  return [{ text, at: places.senders ?? at }];
}

function authOptions({ at, auth, places }: Listener): readonly Printed[] {
  if (auth.mode === "none") return [];
  const word = auth.mode === "required" ? "auth" : "auth-optional";
  const table = credentialsOf(auth);
  const operand = table === undefined ? "" : ` ${printOperand(table)}`;
  const oauth = auth.oauth === undefined ? "" : ` oauth ${printWord(auth.oauth.name)}`;
  return [{ text: word + operand + oauth, at: places.auth ?? at }];
}
