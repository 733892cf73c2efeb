import {
  type McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { codeOf, WhetstoneError } from "../model/error.ts";
import { completeTraceId } from "./complete.ts";
import { shownName } from "./shown.ts";
import type { ServerParts, Tool, ToolContext } from "./tool.ts";
import { getTraceById } from "./tools/get-trace-by-id.ts";

const LISTED = 20;

/** What registering resources needs. */
export type ResourceParts = {
  readonly parts: ServerParts;
  readonly contextOf: (context: ServerContext) => ToolContext;
};

/** Registers `whetstone://trace/{id}`: what the tools of the same name answer, as resources. */
export function registerResources(server: McpServer, { parts, contextOf }: ResourceParts): void {
  const traces = new ResourceTemplate("whetstone://trace/{id}", {
    list: () => newestTraces(parts),
    complete: { id: (value) => completeTraceId(parts, value) },
  });
  const config = {
    title: "Trace",
    description: "One trace: shape, errors, critical path.",
    mimeType: "application/json",
  };
  server.registerResource("trace", traces, config, (uri, { id }, context) =>
    read({ uri, tool: getTraceById, args: { trace_id: String(id) } }, contextOf(context)),
  );
}

type Reading = { readonly uri: URL; readonly tool: Tool; readonly args: Record<string, unknown> };

/** @throws ResourceNotFoundError where the tool finds nothing by that name */
async function read({ uri, tool, args }: Reading, context: ToolContext) {
  const parsed = tool.input.safeParse(args);
  if (!parsed.success) throw new ResourceNotFoundError(uri.href);
  try {
    const text = JSON.stringify(await tool.call(args, context));
    return { contents: [{ uri: uri.href, mimeType: "application/json", text }] };
  } catch (error) {
    if (codeOf(error) === "not_found") throw new ResourceNotFoundError(uri.href);
    throw error;
  }
}

/** The newest traces; none where there is no store yet. */
async function newestTraces(parts: ServerParts) {
  const store = await parts.store("read").catch((error: unknown) => {
    if (error instanceof WhetstoneError && error.code === "not_found") return undefined;
    throw error;
  });
  const { traces } = (await store?.search({}, { limit: LISTED })) ?? { traces: [] };
  const resources = traces.map(({ traceId, rootService, rootOperation, spans, errors }) => ({
    uri: `whetstone://trace/${traceId}`,
    name: shownName(`${rootService} ${rootOperation}`),
    description: `${spans} spans, ${errors} errors`,
    mimeType: "application/json",
  }));
  return { resources };
}
