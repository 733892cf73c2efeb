import { WhetstoneError } from "../model/error.ts";
import { TOOLSETS, type Tool, type Toolset } from "./tool.ts";
import { analyzeTraceStructure } from "./tools/analyze-trace-structure.ts";
import { analyzeTrace } from "./tools/analyze-trace.ts";
import { correlateDistributedTraces } from "./tools/correlate-distributed-traces.ts";
import { detectPerformanceIssues } from "./tools/detect-performance-issues.ts";
import { detectRegressions } from "./tools/detect-regressions.ts";
import { findRootCause } from "./tools/find-root-cause.ts";
import { getSloStatus } from "./tools/get-slo-status.ts";
import { getTraceById } from "./tools/get-trace-by-id.ts";
import { getTraces } from "./tools/get-traces.ts";
import { listMetrics } from "./tools/list-metrics.ts";
import { listServices } from "./tools/list-services.ts";
import { queryMetrics } from "./tools/query-metrics.ts";
import { searchTraces } from "./tools/search-traces.ts";

/** Every tool. A tool stands here once it works. */
export const CATALOGUE: readonly Tool[] = [
  listServices,
  getTraces,
  searchTraces,
  getTraceById,
  correlateDistributedTraces,
  analyzeTrace,
  analyzeTraceStructure,
  detectPerformanceIssues,
  findRootCause,
  detectRegressions,
  listMetrics,
  queryMetrics,
  getSloStatus,
];

/** Which tools a server offers. */
export type Selection = {
  readonly toolsets: readonly Toolset[];
  /** Tools that have a second name are offered under it too. */
  readonly aliases: boolean;
};

/** The tools of a selection, each under every name that it goes by. */
export function selectTools(selection: Selection): readonly Tool[] {
  const chosen = CATALOGUE.filter(({ toolset }) => selection.toolsets.includes(toolset));
  if (!selection.aliases) return chosen;
  return chosen.flatMap((tool) => (tool.alias === undefined ? [tool] : [tool, { ...tool, name: tool.alias }]));
}

/**
 * The toolsets that a flag names: `traces,specs`; all when absent.
 * @throws WhetstoneError `usage`
 */
export function parseToolsets(text: string | undefined): readonly Toolset[] {
  if (text === undefined) return TOOLSETS;
  const names = text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const known = TOOLSETS.find((toolset) => toolset === name);
    if (known !== undefined) return known;
    throw new WhetstoneError("usage", `There is no toolset "${name}".`, {
      remedy: `Choose from ${TOOLSETS.join(", ")}, separated by commas.`,
    });
  });
}
