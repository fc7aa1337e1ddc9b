/** Measurements as a Markdown table: medians, their spread, and ratios between peers. */
import type { Measurement } from "./measure.ts";

/** One peer's runs of one scenario. */
export interface PeerRuns {
  readonly peer: string;
  readonly durability: string;
  readonly runs: readonly Measurement[];
}

type Quantity = keyof Measurement;

const COLUMNS: readonly { readonly title: string; readonly quantity: Quantity }[] = [
  { title: "messages/s", quantity: "messagesPerSecond" },
  { title: "CPU s per 1000", quantity: "cpuSecondsPer1000" },
  { title: "peak PSS, MB", quantity: "peakMegabytes" },
  { title: "250 after, p50 ms", quantity: "p50Ms" },
  { title: "p99 ms", quantity: "p99Ms" },
  { title: "first to each, s", quantity: "firstSeconds" },
  { title: "slowest greeting, ms", quantity: "greetingMs" },
];

/** A heading, a row for each peer, and one for each but the last with its ratio to that. */
export function formatScenario(title: string, peers: readonly PeerRuns[]): string {
  const shown = COLUMNS.filter((column) =>
    peers.some((peer) => peer.runs.some((run) => run[column.quantity] !== undefined)),
  );
  const rows = [
    ["peer", ...shown.map((column) => column.title), "durable by"],
    ["---", ...shown.map(() => "---:"), "---"],
    ...peers.map((peer) => [
      peer.peer,
      ...shown.map((column) => formatMedian(peer.runs, column.quantity)),
      peer.durability,
    ]),
  ];
  const last = peers.at(-1);
  for (const each of peers) {
    if (last === undefined || each === last) continue;
    const ratios = shown.map((column) => formatRatio(each, last, column.quantity));
    rows.push([`${each.peer} : ${last.peer}`, ...ratios, ""]);
  }
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  return `### ${title}\n\n${table}\n`;
}

/** The middle value; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

function valuesOf(runs: readonly Measurement[], quantity: Quantity): readonly number[] {
  return runs.map((run) => run[quantity]).filter((value) => value !== undefined);
}

/** `median (lowest–highest)`. */
function formatMedian(runs: readonly Measurement[], quantity: Quantity): string {
  const values = valuesOf(runs, quantity);
  const middle = median(values);
  if (middle === undefined) return "–";
  if (values.length === 1) return formatNumber(middle);
  const spread = [Math.min(...values), Math.max(...values)].map(formatNumber).join("–");
  return `${formatNumber(middle)} (${spread})`;
}

function formatRatio(first: PeerRuns, second: PeerRuns, quantity: Quantity): string {
  const one = median(valuesOf(first.runs, quantity));
  const other = median(valuesOf(second.runs, quantity));
  if (one === undefined || other === undefined || other === 0) return "–";
  return `${formatNumber(one / other)} ×`;
}

/** Three digits that mean something. */
function formatNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
