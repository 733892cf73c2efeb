import { extent } from "./intervals.ts";
import { columnsOf, durationText, fit, plainText } from "./terminal-text.ts";
import type { SpanNode, TraceTree } from "./tree.ts";
import { waterfallRows, type WaterfallRow, type WaterfallRows } from "./waterfall-rows.ts";

/** How a waterfall is drawn. */
export type WaterfallStyle = {
  /** Columns of the terminal; less than 60 counts as 60. */
  readonly width: number;
  /** Whether to colour with ANSI escape sequences: errors red, services and bars dim. */
  readonly colour: boolean;
};

type Paint = (text: string) => string;
type Columns = { readonly name: number; readonly service: number; readonly bar: number };

const MIN_WIDTH = 60;
const DURATION_COLUMNS = 9;

/**
 * A trace as lines for a terminal: name, service, duration and a bar on the time axis for each span, `✗` for errors.
 * No line is wider than `width` columns, escape sequences not counted. Above 200 spans, repeated siblings share a row
 * (`notes.read_file ×120, 0.1–0.9 ms`) and at most 200 rows are drawn; the last lines say what was left out and
 * what was repaired in the trace.
 */
export function renderWaterfall(tree: TraceTree, style: WaterfallStyle): string[] {
  const width = Math.max(MIN_WIDTH, Math.floor(style.width));
  const chosen = waterfallRows(tree);
  const columns = layout(tree, width);
  return [
    ...header(tree, width),
    axis(tree, columns),
    ...chosen.rows.map((row) => renderRow(row, { tree, columns, colour: style.colour })),
    ...footer(tree, chosen).map((line) => fit(line, width).trimEnd()),
  ];
}

function layout(tree: TraceTree, width: number): Columns {
  const longest = tree.nodes.reduce((most, { span }) => Math.max(most, Math.min(20, columnsOf(span.service))), 7);
  const service = Math.min(longest, Math.floor(width / 5));
  const name = Math.floor((width - service - DURATION_COLUMNS) * 0.5);
  return { name, service, bar: width - name - service - DURATION_COLUMNS - 6 };
}

function header(tree: TraceTree, width: number): string[] {
  const errors = tree.nodes.filter(({ span }) => span.status === "error").length;
  const facts = [
    `trace ${tree.traceId}`,
    `${tree.nodes.length} ${tree.nodes.length === 1 ? "span" : "spans"}`,
    durationText(tree.durationNs),
    ...(errors > 0 ? [`${errors} with errors`] : []),
  ];
  return [fit(facts.join(" · "), width).trimEnd()];
}

function axis(tree: TraceTree, { name, service, bar }: Columns): string {
  const end = durationText(tree.durationNs);
  const scale = `0${end.padStart(Math.max(1, bar - 1))}`;
  return `  ${fit("", name)} ${fit("", service)} ${" ".repeat(DURATION_COLUMNS)}  ${fit(scale, bar)}`.trimEnd();
}

type RowContext = { readonly tree: TraceTree; readonly columns: Columns; readonly colour: boolean };

function renderRow(row: WaterfallRow, { tree, columns, colour }: RowContext): string {
  const [first] = row.nodes;
  if (first === undefined) return "";
  const failed = row.nodes.some(({ span }) => span.status === "error");
  const paint = (code: number): Paint => (colour ? (text) => `\u001B[${code}m${text}\u001B[0m` : (text) => text);
  const accent: Paint = failed ? paint(31) : (text) => text;
  const duration = row.nodes.length > 1 ? "" : durationText(first.end - first.start);
  const cells = [
    `${failed ? accent("✗") : " "} ${accent(labelOf(row, columns.name))}`,
    paint(2)(fit(plainText(first.span.service), columns.service)),
    duration.padStart(DURATION_COLUMNS),
    ` ${(failed ? accent : paint(36))(barOf(row, tree, columns.bar))}`,
  ];
  return cells.join(" ").trimEnd();
}

/** Name of the row in exactly `columns`, indented by depth; a long name is cut before what is said about its group. */
function labelOf({ nodes, depth, hidden }: WaterfallRow, columns: number): string {
  const deepest = Math.floor(columns / 6);
  const indent = depth <= deepest ? "  ".repeat(depth) : `${"  ".repeat(deepest - 2)}(${depth}) `;
  const name = indent + plainText(nodes[0]?.span.name ?? "");
  const group = nodes.length === 1 ? "" : groupText(nodes, hidden);
  if (columnsOf(name) + columnsOf(group) <= columns) return fit(name + group, columns);
  return fit(fit(name, Math.max(columns - columnsOf(group), Math.floor(columns / 2))) + group, columns);
}

function groupText(nodes: readonly SpanNode[], hidden: number): string {
  const lengths = nodes.map(({ start, end }) => end - start).sort((a, b) => a - b);
  const range = rangeText(lengths[0] ?? 0, lengths.at(-1) ?? 0);
  return ` ×${nodes.length}, ${range}${hidden > 0 ? ` (+${hidden} inside)` : ""}`;
}

/** Two durations, the unit once where both have it: `0.1–0.9 ms`. */
function rangeText(leastNs: number, mostNs: number): string {
  const [least, most] = [durationText(leastNs), durationText(mostNs)];
  if (least === most) return least;
  const [value, unit] = least.split(" ");
  return most.endsWith(` ${unit}`) ? `${value}–${most}` : `${least}–${most}`;
}

/** The stretch of the row on the time axis; at least one column, so that short spans are seen. */
function barOf({ nodes }: WaterfallRow, tree: TraceTree, columns: number): string {
  const { start, end } = extent(nodes);
  const whole = Math.max(1, tree.durationNs);
  const from = Math.min(columns - 1, Math.floor((start / whole) * columns));
  const to = Math.min(columns, Math.max(from + 1, Math.ceil((end / whole) * columns)));
  return " ".repeat(from) + (nodes.length > 1 ? "▒" : "█").repeat(to - from);
}

function footer(tree: TraceTree, { groups, grouped, inside, cut }: WaterfallRows): string[] {
  return [
    ...(groups > 0 ? [`${grouped} spans stand in ${groups} shared ${groups === 1 ? "row" : "rows"} (▒).`] : []),
    ...(inside > 0 ? [`${inside} spans below them are not shown.`] : []),
    ...(cut > 0 ? [`${cut} further spans are not shown; the JSON form of the trace has them all.`] : []),
    ...(tree.orphans > 0 ? [`${tree.orphans} spans name a parent that the trace does not hold.`] : []),
    ...(tree.cycles > 0 ? [`${tree.cycles} parent links led in a circle and were cut.`] : []),
    ...(tree.duplicates > 0 ? [`${tree.duplicates} copies of spans were left out.`] : []),
    ...tree.skews.map(
      ({ service, spans, shiftNs }) =>
        `${spans} spans of ${plainText(service)} were moved by ${shiftNs < 0 ? "−" : ""}${durationText(Math.abs(shiftNs))}: its clock disagrees with its callers'.`,
    ),
  ];
}
