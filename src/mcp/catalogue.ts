import { WhetstoneError } from "../model/error.ts";
import { TOOLSETS, type Tool, type Toolset } from "./tool.ts";
import { analyzePerformanceTrends } from "./tools/analyze-performance-trends.ts";
import { analyzeTrace } from "./tools/analyze-trace.ts";
import { analyzeTraceStructure } from "./tools/analyze-trace-structure.ts";
import { compareTraceToSpec } from "./tools/compare-trace-to-spec.ts";
import { correlateDistributedTraces } from "./tools/correlate-distributed-traces.ts";
import { createDevelopmentSession } from "./tools/create-development-session.ts";
import { defineTraceSpec } from "./tools/define-trace-spec.ts";
import { detectPerformanceIssues } from "./tools/detect-performance-issues.ts";
import { detectRegressions } from "./tools/detect-regressions.ts";
import { executeAndCapture } from "./tools/execute-and-capture.ts";
import { findRootCause } from "./tools/find-root-cause.ts";
import { forecastCapacity } from "./tools/forecast-capacity.ts";
import { generateImprovementSuggestions } from "./tools/generate-improvement-suggestions.ts";
import { generateSpecFromTraces } from "./tools/generate-spec-from-traces.ts";
import { getDependencies } from "./tools/get-dependencies.ts";
import { getSessionMetrics } from "./tools/get-session-metrics.ts";
import { getSloStatus } from "./tools/get-slo-status.ts";
import { getTraceById } from "./tools/get-trace-by-id.ts";
import { getTraceSpec } from "./tools/get-trace-spec.ts";
import { getTraces } from "./tools/get-traces.ts";
import { listMetrics } from "./tools/list-metrics.ts";
import { listServices } from "./tools/list-services.ts";
import { listTraceSpecs } from "./tools/list-trace-specs.ts";
import { performanceReport } from "./tools/performance-report.ts";
import { queryMetrics } from "./tools/query-metrics.ts";
import { searchTraces } from "./tools/search-traces.ts";
import { suggestNextSteps } from "./tools/suggest-next-steps.ts";
import { updateTraceSpec } from "./tools/update-trace-spec.ts";
import { validateAgainstSpec } from "./tools/validate-against-spec.ts";
import { validateTraceCollection } from "./tools/validate-trace-collection.ts";

/** Every tool. A tool stands here once it works. */
export const CATALOGUE: readonly Tool[] = [
  listServices,
  getTraces,
  searchTraces,
  getTraceById,
  correlateDistributedTraces,
  defineTraceSpec,
  getTraceSpec,
  listTraceSpecs,
  updateTraceSpec,
  generateSpecFromTraces,
  compareTraceToSpec,
  validateAgainstSpec,
  validateTraceCollection,
  analyzeTrace,
  analyzeTraceStructure,
  detectPerformanceIssues,
  generateImprovementSuggestions,
  findRootCause,
  detectRegressions,
  analyzePerformanceTrends,
  getDependencies,
  performanceReport,
  forecastCapacity,
  createDevelopmentSession,
  executeAndCapture,
  getSessionMetrics,
  suggestNextSteps,
  listMetrics,
  queryMetrics,
  getSloStatus,
];

/** Which tools a server offers. */
export type Selection = {
  readonly toolsets: readonly Toolset[];
  /** Tools that have a second name are offered under it too. */
  readonly aliases: boolean;
  /** Tools that run commands are offered. */
  readonly commands: boolean;
};

/** The tools of a selection, each under every name that it goes by. */
export function selectTools(selection: Selection): readonly Tool[] {
  const chosen = CATALOGUE.filter(
    ({ toolset, runsCommands = false }) =>
      selection.toolsets.includes(toolset) && (selection.commands || !runsCommands),
  );
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
