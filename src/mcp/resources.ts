import {
  type McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { findProblems } from "../analyze/findings.ts";
import { codeOf, WhetstoneError } from "../model/error.ts";
import { windowOf } from "./arguments.ts";
import { DEFAULT_TOKENS } from "./budget.ts";
import { completeSpecName, completeTraceId } from "./complete.ts";
import { findingKey, findingRow } from "./finding-rows.ts";
import { loadPopulation } from "./population.ts";
import { shownName } from "./shown.ts";
import type { ServerParts, Tool, ToolContext } from "./tool.ts";
import { getTraceById } from "./tools/get-trace-by-id.ts";
import { getTraceSpec } from "./tools/get-trace-spec.ts";

/** Traces and specifications that `resources/list` names. */
const LISTED = 20;
/** How far back a finding is looked for. */
const FINDING_WINDOW = "-7d";
const JSON_TYPE = "application/json";

/** What registering resources needs. */
export type ResourceParts = {
  readonly parts: ServerParts;
  readonly contextOf: (context: ServerContext) => ToolContext;
};

/**
 * Registers `whetstone://trace/{id}`, `whetstone://spec/{name}` and `whetstone://finding/{id}`: what the tools answer, as
 * resources, within the same budgets.
 */
export function registerResources(server: McpServer, { parts, contextOf }: ResourceParts): void {
  const trace = new ResourceTemplate("whetstone://trace/{id}", {
    list: () => listed(parts, newestTraces),
    complete: { id: (value) => completeTraceId(parts, value) },
  });
  const traceConfig = { title: "Trace", description: "One trace: shape, errors, critical path.", mimeType: JSON_TYPE };
  server.registerResource("trace", trace, traceConfig, (uri, { id }, context) =>
    contents(uri, () => answerOf(getTraceById, { trace_id: String(id) }, contextOf(context))),
  );
  const spec = new ResourceTemplate("whetstone://spec/{name}", {
    list: () => listed(parts, specs),
    complete: { name: (value) => completeSpecName(parts, value) },
  });
  const specConfig = { title: "Specification", description: "A trace specification.", mimeType: JSON_TYPE };
  server.registerResource("spec", spec, specConfig, (uri, { name }, context) => {
    const args = { name: decodeURIComponent(String(name)) };
    return contents(uri, () => answerOf(getTraceSpec, args, contextOf(context)));
  });
  const finding = new ResourceTemplate("whetstone://finding/{id}", { list: undefined });
  const findingConfig = { title: "Finding", description: "One problem of the last seven days.", mimeType: JSON_TYPE };
  server.registerResource("finding", finding, findingConfig, (uri, { id }, context) =>
    contents(uri, () => findingOf(String(id), contextOf(context))),
  );
}

async function answerOf(tool: Tool, args: Record<string, unknown>, context: ToolContext): Promise<unknown> {
  if (!tool.input.safeParse(args).success) {
    throw new WhetstoneError("not_found", "The URI names nothing that there could be.");
  }
  return tool.call({ ...args, max_tokens: DEFAULT_TOKENS }, context);
}

async function findingOf(id: string, context: ToolContext): Promise<unknown> {
  const { traces } = await loadPopulation(context, windowOf(undefined, context.clock.now(), FINDING_WINDOW));
  const found = findProblems(traces).find((finding) => findingKey(finding) === id);
  if (found !== undefined) return findingRow(found, context.ids, "full");
  throw new WhetstoneError("not_found", `There is no finding ${id}.`, { remedy: "See detect_performance_issues." });
}

/** @throws ResourceNotFoundError where there is nothing by that name */
async function contents(uri: URL, read: () => Promise<unknown>) {
  try {
    return { contents: [{ uri: uri.href, mimeType: JSON_TYPE, text: JSON.stringify(await read()) }] };
  } catch (error) {
    if (codeOf(error) === "not_found") throw new ResourceNotFoundError(uri.href);
    throw error;
  }
}

type Listed = { readonly uri: string; readonly name: string; readonly description: string; readonly mimeType: string };
type Store = Awaited<ReturnType<ServerParts["store"]>>;

/** What is listed; nothing where there is no store yet. */
async function listed(parts: ServerParts, list: (store: Store) => Promise<Listed[]>): Promise<{ resources: Listed[] }> {
  const store = await parts.store("read").catch((error: unknown) => {
    if (codeOf(error) === "not_found") return undefined;
    throw error;
  });
  return { resources: store === undefined ? [] : await list(store) };
}

async function newestTraces(store: Store): Promise<Listed[]> {
  const { traces } = await store.search({}, { limit: LISTED });
  return traces.map(({ traceId, rootService, rootOperation, spans, errors }) => ({
    uri: `whetstone://trace/${traceId}`,
    name: shownName(`${rootService} ${rootOperation}`),
    description: `${spans} spans, ${errors} errors`,
    mimeType: JSON_TYPE,
  }));
}

async function specs(store: Store): Promise<Listed[]> {
  const { documents } = await store.documents.list("spec", { limit: LISTED });
  return documents.map(({ name, version }) => ({
    uri: `whetstone://spec/${encodeURIComponent(name)}`,
    name: shownName(name),
    description: `version ${version}`,
    mimeType: JSON_TYPE,
  }));
}
