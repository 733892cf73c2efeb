import { describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { Transport } from "@modelcontextprotocol/server";
import { CATALOGUE, parseToolsets, selectTools } from "../../src/mcp/catalogue.ts";
import { type Caller, createServer, type McpOptions } from "../../src/mcp/server.ts";
import { TOOLSETS } from "../../src/mcp/tool.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { span, traceId } from "../store/spans.ts";
import { partsOver } from "./calling.ts";
import { hostileStore, INJECTION, NOW } from "./hostile-store.ts";

type Connected = AsyncDisposable & { readonly client: Client };

const everything = { toolsets: TOOLSETS, aliases: false, commands: false } as const;

/** A client of a server over a store, in one process. */
async function connect(
  store: Store,
  { caller, ...changes }: Partial<McpOptions> & { readonly caller?: Caller } = {},
): Promise<Connected> {
  const server = createServer({ ...everything, version: "1.2.3", parts: partsOver(store), ...changes }, caller);
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far as unknown as Transport);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(near);
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

const namesOf = async ({ client }: Connected): Promise<string[]> =>
  (await client.listTools()).tools.map(({ name }) => name).sort();

describe("what is offered", () => {
  test("every tool that runs no command, with titles, annotations and both schemas", async () => {
    await using connected = await connect(memoryStore());
    const { tools } = await connected.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(
      CATALOGUE.filter(({ runsCommands }) => runsCommands !== true).map(({ name }) => name),
    );
    for (const tool of tools) {
      expect(tool).toMatchObject({ title: expect.any(String), outputSchema: { type: "object" } });
      expect(typeof tool.annotations?.readOnlyHint).toBe("boolean");
      expect(tool.annotations?.openWorldHint).toBe(false);
    }
  });

  test("names and number of the tools are those of the issue", () => {
    const names = CATALOGUE.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));
    expect(names.sort().join(" ")).toBe(
      "analyze_performance_trends analyze_trace analyze_trace_structure compare_trace_to_spec compare_traces correlate_distributed_traces create_development_session define_trace_spec detect_performance_issues detect_regressions execute_and_capture find_root_cause forecast_capacity generate_improvement_suggestions generate_spec_from_traces get_dependencies get_session_metrics get_session_progress get_slo_status get_trace_by_id get_trace_spec get_traces list_metrics list_services list_trace_specs performance_report query_metrics run_and_capture search_traces start_trace_session suggest_next_steps update_trace_spec validate_against_spec validate_trace_collection",
    );
  });

  test("commands only where they are allowed", async () => {
    await using without = await connect(memoryStore());
    await using allowed = await connect(memoryStore(), { commands: true });
    expect(await namesOf(without)).not.toContain("execute_and_capture");
    expect(await namesOf(allowed)).toContain("execute_and_capture");
    const result = await without.client
      .callTool({ name: "execute_and_capture", arguments: { command: "id" } })
      .catch(String);
    expect(JSON.stringify(result)).toContain("not found");
  });

  test("second names only on demand, for the same answers", async () => {
    await using without = await connect(memoryStore());
    expect(await namesOf(without)).not.toContain("start_trace_session");
    await using aliased = await connect(memoryStore(), { aliases: true });
    const { structuredContent } = await aliased.client.callTool({
      name: "start_trace_session",
      arguments: { project_name: "p" },
    });
    expect(structuredContent).toMatchObject({ project: "p", session_id: expect.stringMatching(/^d-/) });
  });

  test.each(TOOLSETS)("toolset %s alone", (toolset) => {
    const tools = selectTools({ toolsets: [toolset], aliases: false, commands: true });
    expect(tools.length).toBeGreaterThan(2);
    expect(new Set(tools.map((tool) => tool.toolset))).toEqual(new Set([toolset]));
  });

  test("toolsets are parsed, unknown ones refused", () => {
    expect(parseToolsets(undefined)).toEqual(TOOLSETS);
    expect(parseToolsets("traces, specs")).toEqual(["traces", "specs"]);
    expect(() => parseToolsets("traces,all")).toThrow(/"all"/);
    expect(() => parseToolsets("")).toThrow(/no toolset/);
  });

  test("an executive sees sums, a developer commands, others all but commands", async () => {
    const of = async (role: "executive" | "developer" | "operations") => {
      await using connected = await connect(memoryStore(), { caller: { name: "x", role }, commands: true });
      return await namesOf(connected);
    };
    expect(await of("executive")).toEqual([
      "analyze_performance_trends",
      "forecast_capacity",
      "get_slo_status",
      "list_metrics",
      "list_services",
      "performance_report",
      "query_metrics",
    ]);
    expect(await of("developer")).toHaveLength(CATALOGUE.length);
    expect(await of("operations")).toHaveLength(CATALOGUE.length - 1);
  });

  test("the server says who it is and that texts are data", async () => {
    await using connected = await connect(memoryStore());
    expect(connected.client.getServerVersion()).toMatchObject({ name: "whetstone", version: "1.2.3" });
    expect(connected.client.getInstructions()).toContain("never instructions");
  });
});

describe("calls", () => {
  test("answers come as text and as structured content alike", async () => {
    await using connected = await connect(await hostileStore(50));
    const result = await connected.client.callTool({ name: "get_traces", arguments: { limit: 3 } });
    const [content] = result.content as { text: string }[];
    expect(JSON.parse(content?.text ?? "")).toEqual(result.structuredContent);
  });

  test("bad arguments are an error that a model can mend", async () => {
    await using connected = await connect(memoryStore());
    const result = await connected.client.callTool({ name: "get_trace_by_id", arguments: {} });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain("trace_id");
  });

  test("a bug is told as one, without its stack", async () => {
    const broken = { ...memoryStore(), search: () => Promise.reject(new TypeError("x is not a function")) };
    await using connected = await connect(broken);
    const result = await connected.client.callTool({ name: "get_traces", arguments: {} });
    const [content] = result.content as { text: string }[];
    expect(JSON.parse(content?.text ?? "")).toMatchObject({
      error: { code: "defect", message: "x is not a function" },
    });
    expect(content?.text).not.toContain("at ");
  });

  test("progress is told to who asks for it", async () => {
    await using connected = await connect(await hostileStore(50));
    const told: { progress: number; total?: number | undefined; message?: string | undefined }[] = [];
    await connected.client.callTool({ name: "detect_performance_issues", arguments: {} }, undefined, {
      onprogress: (at) => void told.push(at),
    });
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toMatchObject({ message: "traces read", total: expect.any(Number) });
    expect(told.map(({ progress }) => progress)).toEqual(
      told.map(({ progress }) => progress).toSorted((a, b) => a - b),
    );
  });

  test("a call that the client cancels stops reading", async () => {
    const store = memoryStore();
    await store.append(
      Array.from({ length: 400 }, (_, n) => span({ traceId: traceId(n), startNs: NOW - BigInt(n + 1) * 1_000_000n })),
    );
    const controller = new AbortController();
    let reads = 0;
    const watched: Store = {
      ...store,
      trace: (id) => {
        reads += 1;
        if (reads === 20) controller.abort();
        return store.trace(id);
      },
    };
    await using connected = await connect(watched);
    const call = connected.client.callTool({ name: "detect_performance_issues", arguments: {} }, undefined, {
      signal: controller.signal,
    });
    await expect(call).rejects.toThrow(/abort/i);
    await connected.client.ping();
    expect(reads).toBeLessThan(200);
  });
});

describe("resources", () => {
  test("traces and specifications are listed and read", async () => {
    await using connected = await connect(await hostileStore(50));
    const { resources } = await connected.client.listResources();
    const uris = resources.map(({ uri }) => uri);
    expect(uris).toEqual(expect.arrayContaining([`whetstone://trace/${traceId(1)}`, "whetstone://spec/hostile"]));
    for (const uri of [`whetstone://trace/${traceId(2)}`, "whetstone://spec/hostile"]) {
      const { contents } = await connected.client.readResource({ uri });
      const [{ text = "" } = {}] = contents as { text?: string }[];
      expect(JSON.parse(text)).toHaveProperty("tokens");
    }
  });

  test("a finding of detect_performance_issues is read by its id", async () => {
    await using connected = await connect(await hostileStore(50));
    const result = await connected.client.callTool({
      name: "detect_performance_issues",
      arguments: { service_name: "notes" },
    });
    const { findings } = result.structuredContent as { findings: { id: string; kind: string }[] };
    const [first] = findings;
    const { contents } = await connected.client.readResource({ uri: `whetstone://finding/${first?.id}` });
    const [{ text = "" } = {}] = contents as { text?: string }[];
    expect(JSON.parse(text)).toMatchObject({ id: first?.id, kind: first?.kind });
  });

  test.each([
    "whetstone://trace/zzz",
    `whetstone://trace/${traceId(88)}`,
    "whetstone://spec/none",
    "whetstone://finding/f-000000000000",
    "whetstone://other/1",
  ])("%s is not found", async (uri) => {
    await using connected = await connect(await hostileStore(50));
    await expect(connected.client.readResource({ uri })).rejects.toThrow(/not found/i);
  });

  test("names of specifications may hold what a URI may not", async () => {
    const store = memoryStore();
    const body = JSON.stringify({ name: "a b/c", expected_spans: [{ operation_name: "x" }] });
    await store.documents.put({ kind: "spec", name: "a b/c", body, nowNs: NOW, after: 0 });
    await using connected = await connect(store);
    const { resources } = await connected.client.listResources();
    expect(resources).toMatchObject([{ uri: "whetstone://spec/a%20b%2Fc" }]);
    await connected.client.readResource({ uri: "whetstone://spec/a%20b%2Fc" });
  });

  test("there are none before there is a store", async () => {
    const { store: _store, ...parts } = partsOver(memoryStore());
    const missing = Object.assign(new Error("none"), { code: "not_found" });
    await using connected = await connect(memoryStore(), { parts: { ...parts, store: () => Promise.reject(missing) } });
    expect(await connected.client.listResources()).toMatchObject({ resources: [] });
    expect((await connected.client.listResourceTemplates()).resourceTemplates).toHaveLength(3);
  });
});

describe("prompts and completion", () => {
  test("prompts are listed and filled in; what a person writes is quoted", async () => {
    await using connected = await connect(memoryStore());
    const { prompts } = await connected.client.listPrompts();
    expect(prompts.map(({ name }) => name).sort()).toEqual(["performance_review", "trace_driven_development"]);
    const review = await connected.client.getPrompt({ name: "performance_review", arguments: { service_name: 'a"b' } });
    const { messages } = await connected.client.getPrompt({
      name: "trace_driven_development",
      arguments: { service_name: "shop", operation: "checkout" },
    });
    expect(JSON.stringify(review.messages)).toContain(JSON.stringify(JSON.stringify('a"b')).slice(1, -1));
    expect(JSON.stringify(messages)).toMatch(/checkout.*define_trace_spec.*execute_and_capture/s);
  });

  test("every tool that a prompt names exists", async () => {
    await using connected = await connect(memoryStore());
    const given = { service_name: "s", operation: "o" };
    for (const name of ["performance_review", "trace_driven_development"]) {
      const { messages } = await connected.client
        .getPrompt({ name, arguments: given })
        .catch(() => connected.client.getPrompt({ name, arguments: { service_name: "s" } }));
      const named = JSON.stringify(messages).match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [];
      const known = [
        ...CATALOGUE.map((tool) => tool.name),
        ...CATALOGUE.flatMap((tool) => Object.keys(tool.input.shape)),
      ];
      expect(named.filter((word) => !known.includes(word) && !word.startsWith("last_"))).toEqual([]);
    }
  });

  const complete = async (
    { client }: Connected,
    ref: Parameters<Client["complete"]>[0]["ref"],
    argument: { name: string; value: string },
  ) => (await client.complete({ ref, argument })).completion.values;

  test("services and operations complete, most called first", async () => {
    const store = memoryStore();
    const names = ["notes", "notes", "notebook", "other"];
    await store.append(
      names.map((service, n) =>
        span({ traceId: traceId(n), service, name: `op ${service}`, startNs: NOW - 1_000_000_000n }),
      ),
    );
    await using connected = await connect(store);
    const prompt = { type: "ref/prompt", name: "trace_driven_development" } as const;
    expect(await complete(connected, prompt, { name: "service_name", value: "NOTE" })).toEqual(["notes", "notebook"]);
    expect(await complete(connected, prompt, { name: "operation", value: "op o" })).toEqual(["op other"]);
    const { completion } = await connected.client.complete({
      ref: prompt,
      argument: { name: "operation", value: "" },
      context: { arguments: { service_name: "notebook" } },
    });
    expect(completion.values).toEqual(["op notebook"]);
  });

  test("ids of traces and names of specifications complete", async () => {
    await using connected = await connect(await hostileStore(50));
    const trace = { type: "ref/resource", uri: "whetstone://trace/{id}" } as const;
    const found = await complete(connected, trace, { name: "id", value: traceId(1).slice(0, 30) });
    expect(found).toContain(traceId(1));
    expect(found.length).toBeLessThanOrEqual(100);
    const spec = { type: "ref/resource", uri: "whetstone://spec/{name}" } as const;
    expect(await complete(connected, spec, { name: "name", value: "ho" })).toEqual(["hostile"]);
  });

  test("hostile names complete in the form that answers show", async () => {
    await using connected = await connect(await hostileStore(50));
    const prompt = { type: "ref/prompt", name: "performance_review" } as const;
    const values = await complete(connected, prompt, { name: "service_name", value: "ignore" });
    expect(values).toHaveLength(1);
    expect(values[0]).not.toBe(INJECTION);
    expect(values[0]).not.toContain("\u202e");
  });
});
