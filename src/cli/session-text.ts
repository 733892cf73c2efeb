import { countOf } from "../model/count-of.ts";
import type { SessionRecord } from "../model/proposal.ts";
import type { AnalysisAnswer, SessionEvent, SessionRun } from "../model/session.ts";
import { forTerminal } from "../protect/sanitise.ts";
import { formatMs, oneLine, renderTable } from "./table.ts";

/** Most events that are shown of one session, the first and the last ones. */
const MOST_EVENTS = 60;
const LONGEST_CELL = 90;

/** Why a session ended; of recordings that do not say, what can be said. */
export function stopOf({ run, partial }: Pick<SessionRecord, "run" | "partial">): string {
  return run?.stop ?? (partial ? "cut off" : "recorded");
}

/** Dollars, to a hundredth of a cent where it is little. */
export function formatUsd(usd: number): string {
  return `$${usd >= 1 ? usd.toFixed(2) : usd.toFixed(4)}`;
}

/** A session for people: what it was, was told, did, and answered. Everything in it is cleaned. */
export function describeSession(record: SessionRecord): string {
  const { run } = record;
  const sections = [
    headOf(record),
    ...(run === undefined ? [] : [contextOf(run), timelineOf(run)]),
    ...(run?.analysis === undefined ? [] : [analysisOf(run.analysis)]),
    ...(record.answer === undefined ? [] : [proposalOf(record)]),
    ...(run?.analysis === undefined ? [`Summary\n${indent(record.summary || "none")}\n`] : []),
  ];
  return sections.join("\n");
}

function headOf(record: SessionRecord): string {
  const { id, mode, target, model, recordedAt, usage, arms, run } = record;
  const { inputTokens, outputTokens, turns, costUsd } = usage;
  const denials = run?.denials.map(({ tool, count }) => `${tool} ×${count}`).join(", ");
  const telemetry = run?.telemetry;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["mode", mode],
    ["target", run === undefined ? target : `${target} at ${run.baseSha.slice(0, 12)}`],
    ["model", run === undefined ? model : `${model} (${run.provider}), Claude Code ${run.cliVersion}`],
    ["recorded", run === undefined ? recordedAt : `${recordedAt}, took ${formatMs(run.durationMs)}`],
    ["ended", stopOf(record)],
    ["cost", `${formatUsd(costUsd)}, ${inputTokens} tokens in, ${outputTokens} out, ${countOf(turns, "turn")}`],
    ["rules", arms.map(({ rule, version, assigned }) => `${rule}@${version}${assigned ? "" : " held out"}`).join(", ")],
    ["question", run?.question],
    ["continues", run?.continues],
    ["refused", denials],
    [
      "trace",
      telemetry &&
        `${telemetry.traceId}: ${countOf(telemetry.spans, "span")}, ${countOf(telemetry.metrics, "metric point")}`,
    ],
  ];
  const shown = lines.filter(([, text]) => text !== undefined && text !== "");
  return `Session ${oneLine(id)}\n${shown.map(([name, text]) => `  ${name.padEnd(10)}${oneLine(text ?? "")}\n`).join("")}`;
}

function contextOf({ contextDigest, context }: SessionRun): string {
  const head = `Context ${contextDigest.slice(0, 12)}`;
  if (context === undefined) return `${head}\n`;
  const rows = context.parts.map(({ part, kept, dropped, tokens, limitTokens, droppedIds }) => [
    part,
    String(kept),
    `${tokens} of ${limitTokens}`,
    dropped === 0 ? "" : `${dropped}: ${cut(droppedIds.join(", "))}`,
  ]);
  return `${head}, about ${context.tokens} tokens\n${indent(renderTable(["part", "entries", "tokens", "left out"], rows))}\n`;
}

function timelineOf({ events, eventsOmitted }: SessionRun): string {
  const half = MOST_EVENTS / 2;
  const first = events.length > MOST_EVENTS ? events.slice(0, half) : events;
  const last = events.length > MOST_EVENTS ? events.slice(-half) : [];
  const left = eventsOmitted + events.length - first.length - last.length;
  const rows = [...first.map(eventRow), ...last.map(eventRow)];
  const note = left === 0 ? "" : ` (${left} in the middle left out; --json has what is kept)`;
  if (rows.length === 0) return "What it did: nothing that was seen\n";
  return `What it did${note}\n${indent(renderTable(["at", "what", "took", "result", "with"], rows))}\n`;
}

function eventRow(event: SessionEvent): string[] {
  const at = formatMs(event.atMs);
  switch (event.kind) {
    case "said":
      return [at, "said", "", "", cut(event.text)];
    case "retried":
      return [at, "API tried again", "", event.status === null ? "network" : String(event.status), ""];
    case "called": {
      const { tool, input, result } = event;
      const took = result === undefined ? "" : formatMs(result.durationMs);
      return [at, tool, took, result === undefined ? "no end" : `${result.status}, ${result.length}`, cut(input)];
    }
  }
}

function analysisOf({ summary, findings }: AnalysisAnswer): string {
  const parts = findings.map(({ finding, rootCause, paths, plan }, index) =>
    [
      `${index + 1}. ${oneLine(finding)}: ${oneLine(rootCause)}`,
      ...(paths.length === 0 ? [] : [`   in ${paths.map(oneLine).join(", ")}`]),
      ...plan.map((step) => `   - ${oneLine(step)}`),
    ].join("\n"),
  );
  return `Answer\n${indent([oneLine(summary), ...parts].join("\n"))}\n`;
}

function proposalOf({ answer }: SessionRecord): string {
  if (answer === undefined) return "";
  const { title, hypothesis, rationale, patch, findings } = answer;
  const { metric, operation, direction, expectedChange } = hypothesis;
  const lines = [
    oneLine(title),
    `for ${findings.join(", ")}`,
    `expects ${metric} of ${oneLine(operation)} to ${direction} by ${Math.round(expectedChange * 100)} %`,
    forTerminal(rationale),
    "",
    forTerminal(patch.trimEnd()),
  ];
  return `Proposal\n${indent(lines.join("\n"))}\n`;
}

function cut(text: string): string {
  const line = oneLine(text);
  return line.length <= LONGEST_CELL ? line : `${line.slice(0, LONGEST_CELL - 1)}…`;
}

function indent(text: string): string {
  return forTerminal(text)
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n");
}
