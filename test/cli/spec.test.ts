import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { main } from "../../src/cli/main.ts";
import type { Span } from "../../src/model/span.ts";
import { openStore } from "../../src/store/open.ts";
import { trace, traceIdOf, type Plan } from "../analyze/population.ts";
import { changed, CHECKOUT } from "../specs/traces.ts";
import { whetstone } from "../support/whetstone.ts";
import { bufferIo, holdsControl } from "./buffer-io.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-spec-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function cli(...args: string[]) {
  const { io, out, err } = bufferIo({ cwd: folder });
  const code = await main(["spec", ...args], io);
  return { code, out: out(), err: err(), json: () => JSON.parse(out()) as Record<string, unknown> };
}

const put = (name: string, text: string | Uint8Array) => writeFile(join(folder, name), text);

function spansOf(...plans: readonly Plan[]): Span[] {
  return plans
    .flatMap((plan, n) => trace(n, plan))
    .map((span) => ({ ...span, resource: { "service.name": span.service } }));
}

const otlpOf = (...plans: readonly Plan[]): string => JSON.stringify(encodeOtlp(spansOf(...plans)));

const SPEC = `name: checkout_flow
expected_spans:
  - operation_name: payment.process
    service_name: payment-service
    expected_duration_ms: { max: 2000 }
  - operation_name: order.create
`;

describe("spec check", () => {
  beforeEach(async () => {
    await put("spec.yaml", SPEC);
    await put("good.json", otlpOf(CHECKOUT));
    await put("bad.json", otlpOf(changed(CHECKOUT, { "order.create": { name: "order.creat" } })));
  });

  test("exit 0 and the promised lists for traces that match", async () => {
    const { code, json, err } = await cli("check", "spec.yaml", "--trace", "good.json", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(json()).toMatchObject({
      matches: true,
      missing_spans: [],
      performance_issues: [],
      attribute_issues: [],
      error_issues: [],
      suggestions: [],
      evidence: { spans: 6 },
      spec: { name: "checkout_flow" },
    });
  });

  test("exit 1 with clause, span and nearest candidate for those that do not", async () => {
    const { code, out } = await cli("check", "spec.yaml", "--trace", "bad.json");
    expect(code).toBe(1);
    expect(out).toContain("FAIL checkout_flow: 0 of 1 traces match.");
    expect(out).toContain("✗ order.create is missing in the trace. Nearest: order.creat (operation_name differs).");
    expect(out).toContain(
      "clause expected_spans[1]; trace 00000000000000000000000000000001; nearest span 0000000000000006",
    );
    expect(out).toContain("What to do\n1. Make sure that order.create is called");
    expect(holdsControl(out)).toBe(false);
  });

  test("colours only on a terminal that wants them", async () => {
    const { io, out } = bufferIo({ cwd: folder, outTerminal: true, env: { ...bufferIo().io.env, colour: true } });
    await main(["spec", "check", "spec.yaml", "--trace", "bad.json"], io);
    expect(out()).toContain("\u001b[31mFAIL\u001b[39m");
  });

  test("several files, one of them gzipped, are judged together", async () => {
    await put("more.json.gz", gzipSync(otlpOf(CHECKOUT).replaceAll(traceIdOf(0), traceIdOf(7))));
    const { code, json } = await cli("check", "spec.yaml", "--trace", "good.json", "more.json.gz", "--json");
    expect(code).toBe(0);
    expect(json()).toMatchObject({ traces: { total: 2, matching: 2 } });
  });

  test("exit 3 where there is no trace to judge", async () => {
    await put("empty.json", JSON.stringify({ resourceSpans: [] }));
    const { code, out, err } = await cli("check", "spec.yaml", "--trace", "empty.json");
    expect({ code, out }).toEqual({ code: 3, out: "INCONCLUSIVE checkout_flow: There is no trace.\n" });
    expect(err).toContain("holds no trace");
  });

  test.each([
    ["an unknown specification", ["check", "checkot", "--trace", "good.json"], 'Did you mean the template "checkout"?'],
    ["a missing file", ["check", "none.yaml", "--trace", "good.json"], "none.yaml cannot be read"],
    ["no trace named", ["check", "spec.yaml"], "--trace is missing"],
    ["an unknown id", ["check", "spec.yaml", "--trace", traceIdOf(5)], `There is no trace ${traceIdOf(5)}`],
    ["a trace file that is none", ["check", "spec.yaml", "--trace", "spec.yaml"], "spec.yaml"],
    [
      "a reversed window",
      ["check", "spec.yaml", "--trace", "2026-01-02T00:00:00Z..2026-01-01T00:00:00Z"],
      "ends before it starts",
    ],
    ["a version that is none", ["check", "x", "--version", "0", "--trace", "good.json"], '"0" is not a version'],
    ["a version that is not there", ["check", "x", "--version", "3", "--trace", "good.json"], '"x" of version 3'],
    ["a parameter without value", ["check", "spec.yaml", "--param", "a", "--trace", "good.json"], "is not name=value"],
    [
      "a parameter that is not declared",
      ["check", "spec.yaml", "--param", "a=1", "--trace", "good.json"],
      'no parameter "a"',
    ],
  ])("exit 2 for %s", async (_name, args, words) => {
    const { code, err } = await cli(...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  test("exit 2 with line, column and nearest key for a specification that cannot be read", async () => {
    await put("broken.yaml", `${SPEC}    requierd_tags: {}\nassertions:\n  - select: "{ span:nmae = 1 }"\n`);
    const { code, json } = await cli("check", "broken.yaml", "--trace", "good.json", "--json");
    expect(code).toBe(2);
    expect(json()).toMatchObject({
      error: {
        code: "spec_invalid",
        message: 'broken.yaml:7:20: unknown key "requierd_tags" in expected_spans.1. Did you mean "required_tags"?',
      },
    });
  });

  test("stored traces by id, stored specifications by name and version", async () => {
    {
      await using store = await openStore({ url: join(folder, "s.db") });
      await store.append(spansOf(CHECKOUT));
    }
    expect((await cli("define", "spec.yaml", "--db", "s.db")).code).toBe(0);
    await put("strict.yaml", `${SPEC}    expected_duration_ms: { max: 1 }\n`);
    expect((await cli("update", "checkout_flow", "strict.yaml", "--db", "s.db")).code).toBe(0);
    const id = traceIdOf(0);
    const newest = await cli("check", "checkout_flow", "--trace", id, "--db", "s.db", "--json");
    expect({ code: newest.code, spec: newest.json()["spec"] }).toEqual({
      code: 1,
      spec: { name: "checkout_flow", version: 2 },
    });
    expect(
      (await cli("check", "checkout_flow", "--version", "1", "--trace", id.toUpperCase(), "--db", "s.db")).code,
    ).toBe(0);
    const older = await cli("check", "checkout_flow", "--version", "1", "--trace", id, "--db", "s.db", "--json");
    expect(older.json()).toMatchObject({ matches: true, spec: { version: 1 } });
    const window = await cli(
      "check",
      "checkout",
      "--trace",
      "2025-11-13T00:00:00Z..2025-11-14T00:00:00Z",
      "--db",
      "s.db",
    );
    expect(window).toMatchObject({ code: 0, out: expect.stringContaining("PASS checkout_flow: 1 of 1 traces match.") });
  });
});

describe("spec generate", () => {
  test("writes a specification that accepts its traces and rejects others", async () => {
    await put("good.json", otlpOf(CHECKOUT, { ...CHECKOUT, ms: 510 }));
    await put("slow.json", otlpOf({ ...CHECKOUT, ms: 900 }));
    const made = await cli("generate", "--from", "good.json", "--name", "checkout", "-o", "made.yaml");
    expect(made).toMatchObject({ code: 0, out: "wrote made.yaml: checkout from 2 traces\n" });
    expect(await readFile(join(folder, "made.yaml"), "utf8")).toMatch(/^version: 1\nname: checkout\n/);
    expect((await cli("check", "made.yaml", "--trace", "good.json")).code).toBe(0);
    const slow = await cli("check", "made.yaml", "--trace", "slow.json");
    expect(slow.code).toBe(1);
    expect(slow.out).toContain("POST /checkout took 900 ms, longer than 510 ms.");
  });

  test("prints it, or all about it as JSON", async () => {
    await put("good.json", otlpOf(CHECKOUT));
    const printed = await cli("generate", "--from", "good.json");
    expect(printed.out).toMatch(/^version: 1\nname: POST_checkout\n/);
    const { json } = await cli("generate", "--from", "good.json", "--json", "--quantile", "0.95", "--open");
    expect(json()).toMatchObject({
      name: "POST_checkout",
      traces: 1,
      spans: 6,
      text: expect.stringContaining("p95_ms"),
    });
  });

  test.each([
    [["generate"], 2, "--from is missing"],
    [["generate", "--from", "empty.json"], 3, "no trace to make a specification from"],
    [["generate", "--from", "good.json", "--quantile", "0.42"], 2, "--quantile 0.42 is none of 0.5"],
    [["generate", "--from", "none.json"], 2, "none.json"],
  ])("%j ends with %d", async (args, expected, words) => {
    await put("good.json", otlpOf(CHECKOUT));
    await put("empty.json", JSON.stringify({ resourceSpans: [] }));
    const { code, err } = await cli(...args);
    expect({ code, told: err.includes(words) }).toEqual({ code: expected, told: true });
  });
});

describe("stored specifications", () => {
  test("define, update, list, show and history", async () => {
    await put("spec.yaml", SPEC);
    expect((await cli("define", "spec.yaml")).out).toBe("stored checkout_flow version 1\n");
    await put("next.yaml", SPEC.replace("2000", "1500").replace("order.create", "order.submit"));
    const update = await cli("update", "checkout_flow", "next.yaml", "--json");
    expect(update.json()).toEqual({
      name: "checkout_flow",
      version: 2,
      stored: true,
      changes: [
        { path: "expected_spans[order.create].operation_name", before: "order.create", after: null },
        { path: "expected_spans[order.submit].operation_name", before: null, after: "order.submit" },
        {
          path: "expected_spans[payment.process of payment-service].expected_duration_ms.max",
          before: 2000,
          after: 1500,
        },
      ],
    });
    const again = await cli("update", "checkout_flow", "next.yaml");
    expect(again.out).toBe("checkout_flow is at version 2 already: nothing changed\n");
    const back = await cli("update", "checkout_flow", "spec.yaml");
    expect(back.out).toContain("stored checkout_flow version 3: 3 changes\n+ expected_spans[order.create]");
    expect((await cli("list", "--json")).json()).toMatchObject({
      total: 1,
      specs: [{ name: "checkout_flow", version: 3 }],
    });
    expect((await cli("list")).out).toContain("checkout_flow");
    expect((await cli("show", "checkout_flow", "--version", "1")).out).toBe(SPEC);
    expect((await cli("show", "checkout_flow", "--json")).json()).toMatchObject({ version: 3, text: SPEC });
    const history = (await cli("show", "checkout_flow", "--history", "--json")).json();
    expect(history).toMatchObject({ versions: [{ version: 3 }, { version: 2 }, { version: 1 }] });
  });

  test("of two who update the same version one is told", async () => {
    await put("spec.yaml", SPEC);
    await cli("define", "spec.yaml");
    await put("a.yaml", SPEC.replace("2000", "1"));
    await put("b.yaml", SPEC.replace("2000", "2"));
    expect((await cli("update", "checkout_flow", "a.yaml", "--after", "1")).code).toBe(0);
    const late = await cli("update", "checkout_flow", "b.yaml", "--after", "1");
    expect({ code: late.code > 0, told: /conflict/.test(late.err) }).toEqual({ code: true, told: true });
    expect((await cli("show", "checkout_flow")).out).toContain("max: 1 ");
  });

  test("a template is filled in and stored under a name", async () => {
    const args = ["define", "--template", "mcp-tool-call", "--param", "tool=search", "--name", "search"];
    expect((await cli(...args)).out).toBe("stored search version 1\n");
    const { out } = await cli("show", "search");
    expect(out).toContain('operation_name: "tools/call search"');
    expect(out).not.toContain("parameters");
    expect((await cli("show", "mcp-tool-call")).out).toContain("parameters:");
  });

  test.each([
    [["define"], "either a specification file or --template"],
    [["define", "spec.yaml", "--template", "checkout"], "either a specification file or --template"],
    [["define", "--template", "chekout"], 'Did you mean "checkout"?'],
    [["define", "--template", "http-api"], 'the parameter "service" (service.name of the server) must be given'],
    [["define", "--template", "http-api", "--param", 'service=x" || true'], "must not hold quotes"],
    [["define", "--template", "http-api", "--param", "service=x", "--param", "max_ms=soon"], 'the parameter "max_ms"'],
    [["define", "--template", "http-api", "--param", "servce=x"], 'did you mean "service"?'],
    [["define", "bad.yaml"], "bad.yaml:1:1: name: is required but missing"],
    [["update", "nothing", "spec.yaml"], 'There is no specification "nothing"'],
    [["show", "nothing"], 'There is no specification "nothing"'],
    [["show", "nothing", "--history"], 'There is no specification "nothing"'],
    [["show", "checkout", "--version", "1"], '"checkout" of version 1'],
    [["list", "--limit", "0"], "--limit 0 is not a whole number"],
  ])("%j is refused", async (args, words) => {
    await put("spec.yaml", SPEC);
    await put("bad.yaml", "description: x\n");
    const { code, err } = await cli(...args);
    expect({ code, told: err.includes(words) ? words : err }).toEqual({ code: 2, told: words });
  });

  test("a version that cannot be read any more does not stand in the way of the next", async () => {
    {
      await using store = await openStore({ url: join(folder, "s.db") });
      await store.documents.put({ kind: "spec", name: "old", body: "version: 0\n", nowNs: 1n, after: 0 });
    }
    await put("spec.yaml", SPEC);
    const { code, out, err } = await cli("update", "old", "spec.yaml", "--db", "s.db");
    expect({ code, out, err }).toEqual({
      code: 0,
      out: "stored old version 2: 0 changes\n",
      err: "note: version 1 cannot be read, so what changed is not known\n",
    });
    await put("good.json", otlpOf(CHECKOUT));
    const check = await cli("check", "old", "--trace", "good.json", "--db", "s.db", "--json");
    expect(check.json()).toMatchObject({ matches: true, spec: { name: "old", version: 2 } });
  });

  test("a name that is stored is not defined again", async () => {
    await put("spec.yaml", SPEC);
    await cli("define", "spec.yaml");
    const { code, err } = await cli("define", "spec.yaml");
    expect({ code, told: err.includes("whetstone spec update checkout_flow FILE") }).toEqual({ code: 2, told: true });
  });

  test("templates are listed with their parameters", async () => {
    const { json } = await cli("list", "--templates", "--json");
    expect(json()).toMatchObject({
      templates: [
        { name: "checkout", parameters: [] },
        { name: "database-access" },
        { name: "http-api", parameters: [{ name: "service", required: true }, { name: "route", required: false }, {}] },
        { name: "mcp-tool-call" },
      ],
    });
    expect((await cli("list", "--templates")).out).toContain("tool [max_ms] [p95_ms] [max_error_rate]");
    expect((await cli("list")).out).toContain("No specification is stored");
  });
});

test("the real command reads a specification from standard input and ends with its verdict", async () => {
  await put("good.json", otlpOf(CHECKOUT));
  const good = await whetstone(["spec", "check", "-", "--trace", "good.json"], { cwd: folder, input: SPEC });
  expect(good).toMatchObject({ code: 0, err: "", out: expect.stringContaining("PASS checkout_flow") });
  const input = SPEC.replace("order.create", "order.submit");
  const bad = await whetstone(["spec", "check", "-", "--trace", "good.json", "--json"], { cwd: folder, input });
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject({ matches: false, missing_spans: [{ operation_name: "order.submit" }] });
});
