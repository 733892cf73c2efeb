import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { main } from "../../src/cli/main.ts";
import { repeat, type Plan } from "../analyze/population.ts";
import { bufferIo, holdsControl } from "./buffer-io.ts";

let folder = "";
const put = (name: string, text: string | Uint8Array) => writeFile(join(folder, name), text);

const flow = (i: number): Plan => ({
  name: "checkout_flow",
  kind: "server",
  at: 0,
  ms: 50 + (i % 5),
  children: [{ name: "query", at: 1, ms: 2 }],
});
const spans = repeat(30, flow).map((one) => ({ ...one, resource: { "service.name": one.service } }));
const OTLP = JSON.stringify(encodeOtlp(spans));
const SPEC = "name: s\nexpected_spans: [{operation_name: checkout_flow, children: [{operation_name: query}]}]\n";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-bad-"));
  await mkdir(join(folder, "folder"));
  await put("traces.json", OTLP);
  await put("traces.json.gz", gzipSync(OTLP));
  await put("good.json", OTLP);
  await put("spec.yaml", SPEC);
  await put("checkout.yaml", SPEC);
  await put("empty", "");
  await put("half.json", OTLP.slice(0, OTLP.length / 2));
  await put("cut.json.gz", gzipSync(OTLP).subarray(0, 60));
  await put("plain.json.gz", "hello");
  await put("bytes.json", Uint8Array.of(0, 255, 254, 1, 2));
  await put("foreign.json", '{"a":[{"b":1}]}');
  await put("escape.json", "\u001B[31m{");
  await put("nothing.json", '{"resourceSpans":[]}');
  await put("latin.yaml", Uint8Array.of(...Buffer.from("name: caf"), 0xe9, ...Buffer.from(SPEC.slice(7))));
  await put("marked.yaml", `\uFEFF${SPEC.replaceAll("\n", "\r\n")}`);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: readonly string[]) {
  const buffer = bufferIo({ cwd: folder });
  const code = await main(args, buffer.io);
  return { code, out: buffer.out(), err: buffer.err() };
}

/** The code of the error in the one JSON document on standard output. */
const codeOf = (out: string): unknown => (JSON.parse(out) as { error?: { code?: unknown } }).error?.code;

/** Commands that read traces, with the place of their source. */
const READERS: readonly (readonly [string, (source: string) => string[]])[] = [
  ["spec check", (source) => ["spec", "check", "spec.yaml", "--trace", source]],
  ["spec generate", (source) => ["spec", "generate", "--from", source]],
  ["regressions --baseline", (source) => ["regressions", "--baseline", source, "--candidate", "traces.json"]],
  ["regressions --candidate", (source) => ["regressions", "--baseline", "traces.json", "--candidate", source]],
];

describe.each(READERS)("%s", (_, args) => {
  test.each([
    ["gone.json", "input_unreadable"],
    ["folder", "input_unreadable"],
    ["empty", "input_unreadable"],
    ["half.json", "input_unreadable"],
    ["cut.json.gz", "input_unreadable"],
    ["plain.json.gz", "input_unreadable"],
    ["bytes.json", "input_unreadable"],
    ["foreign.json", "input_unreadable"],
    ["spec.yaml", "input_unreadable"],
    ["escape.json", "input_unreadable"],
    ["-1h..-2h", "usage"],
    ["2026-13-45T00:00:00Z..", "usage"],
  ])("%s: exit 2, named on standard error, one JSON document with its code", async (source, code) => {
    const plain = await run(...args(source));
    expect(plain).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(new RegExp(`^error \\(${code}\\): [^]+\n {2}\\S`)),
    });
    expect(plain.err).toContain(source.replace(/\.\.$/, ""));
    expect(holdsControl(plain.err)).toBe(false);
    const json = await run(...args(source), "--json");
    expect({ code: json.code, told: codeOf(json.out) }).toEqual({ code: 2, told: code });
  });

  test("gzipped traces are read like plain ones", async () => {
    const [plain, zipped] = [
      await run(...args("traces.json"), "--json"),
      await run(...args("traces.json.gz"), "--json"),
    ];
    expect(zipped).toEqual(plain);
    expect([0, 3]).toContain(plain.code);
    expect(JSON.parse(plain.out)).not.toHaveProperty("error");
  });

  test("a file without a trace is never a pass", async () => {
    expect([2, 3]).toContain((await run(...args("nothing.json"))).code);
  });
});

describe("wrong words", () => {
  const two = ["--baseline", "traces.json", "--candidate", "traces.json"];
  test.each([
    [["regressions", "--baselin", "x"], /unknown option '--baselin'\n\(Did you mean --baseline\?\)/],
    [["regressions", "extra"], /too many arguments/],
    [["regressions", ...two, "--structure", "jugde"], /Allowed choices are judge, report/],
    ...["x", "NaN", "0", "-1", "0.5", "", "Infinity", "1e-400"].map(
      (alpha) => [["regressions", ...two, `--alpha=${alpha}`], /--alpha .* is not a number between/] as const,
    ),
    [["spec", "chekc"], /Did you mean check/],
    [["spec", "check"], /missing required argument/],
    [["spec", "check", "spec.yaml"], /--trace is missing/],
    [["spec", "check", "gone.yaml", "--trace", "traces.json"], /gone\.yaml cannot be read/],
    [["spec", "check", "folder", "--trace", "traces.json"], /folder cannot be read/],
    [["spec", "check", "empty", "--trace", "traces.json"], /empty:1:1: name: is required/],
    [["spec", "check", "latin.yaml", "--trace", "traces.json"], /latin\.yaml cannot be read: .*utf-8/],
    [["spec", "check", "traces.json", "--trace", "traces.json"], /unknown key "resourceSpans"/],
    [["spec", "check", "mcp-tool-cal", "--trace", "traces.json"], /Did you mean the template "mcp-tool-call"/],
    [["spec", "check", "spec.yaml", "--trace", "f".repeat(32)], /no trace f{32}/],
    ...["0", "-1", "1.0", "1e3", "latest"].map(
      (version) =>
        [["spec", "check", "spec.yaml", "--trace", "traces.json", `--version=${version}`], /is not a version/] as const,
    ),
    [["spec", "check", "spec.yaml", "--trace", "traces.json", "--param", "x"], /is not name=value/],
    [["spec", "check", "spec.yaml", "--trace", "traces.json", "--param", "=x"], /is not name=value/],
    [["spec", "check", "spec.yaml", "--trace", "traces.json", "--param", "x=1"], /no parameter "x"/],
    ...["0.42", "95", "", "0,95"].map(
      (quantile) =>
        [["spec", "generate", "--from", "traces.json", `--quantile=${quantile}`], /is none of 0\.5/] as const,
    ),
    [["spec", "define"], /either a specification file or --template/],
    [["spec", "define", "spec.yaml", "--template", "checkout"], /either a specification file or --template/],
    [["spec", "define", "--template", "chekout"], /Did you mean "checkout"/],
    ...["0", "1001", "x", "1.5", "-1"].map(
      (limit) => [["spec", "list", `--limit=${limit}`], /whole number from 1 to 1000/] as const,
    ),
    [["spec", "update", "nobody", "spec.yaml"], /no specification "nobody"/],
    [["slo", "stat"], /Did you mean status/],
    [["slo", "status"], /no configuration file/],
    [["slo", "status", "--config", "folder"], /folder cannot be read/],
  ] as readonly (readonly [readonly string[], RegExp])[])("%j: exit 2 and what to do", async (args, message) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(message);
  });

  test("a mark at the start and line ends of another system are no part of a specification", async () => {
    expect(await run("spec", "check", "marked.yaml", "--trace", "traces.json")).toMatchObject({ code: 0, err: "" });
  });

  test("what cannot be written leaves nothing behind and exits with 1", async () => {
    const { code, err } = await run("spec", "generate", "--from", "traces.json", "-o", "folder");
    expect({ code, named: err.includes("write_failed") }).toEqual({ code: 1, named: true });
    expect((await readdir(folder)).filter((name) => name.includes(".tmp"))).toEqual([]);
  });
});

describe("the same trace from several sources", () => {
  test("is one trace: twice in a file, or one half in each of two", async () => {
    await put("even.json", JSON.stringify(encodeOtlp(spans.filter((_, i) => i % 2 === 0))));
    await put("odd.json", JSON.stringify(encodeOtlp(spans.filter((_, i) => i % 2 === 1))));
    for (const sources of [
      ["traces.json", "traces.json.gz"],
      ["even.json", "odd.json"],
    ]) {
      const { code, out } = await run(
        "spec",
        "check",
        "spec.yaml",
        "--json",
        ...sources.flatMap((one) => ["--trace", one]),
      );
      expect({ code, traces: JSON.parse(out).traces }).toMatchObject({ code: 0, traces: { total: 30, matching: 30 } });
    }
    expect((await run("spec", "check", "spec.yaml", "--trace", "even.json")).code).toBe(1);
  });
});

describe("what help and pages show", () => {
  const commands = [
    ["regressions"],
    ["slo", "status"],
    ...["check", "generate", "define", "update", "list", "show"].map((verb) => ["spec", verb]),
  ];

  test.each(commands)("%s %s --help: an example whose words are all known", async (...command) => {
    const words = command.filter((word) => typeof word === "string");
    const help = await run(...words, "--help");
    expect({ code: help.code, err: help.err }).toEqual({ code: 0, err: "" });
    expect(help.out).toMatch(/--json/);
    const example = /\$ whetstone ([^\n]*)/.exec(help.out)?.[1] ?? "";
    expect(example.startsWith(words.join(" "))).toBe(true);
    const { err } = await run(...example.split(" "));
    expect(err).not.toMatch(/unknown option|unknown command|too many arguments|missing required|is missing|invalid/);
  });

  test("the commands at the top of docs/specs.md work one after the other", async () => {
    const page = await readFile("docs/specs.md", "utf8");
    const lines = page.split("\n").filter((line) => line.startsWith("whetstone spec "));
    expect(lines.length).toBeGreaterThanOrEqual(6);
    for (const line of lines) {
      const words = line.replace(/ #.*/, "").trim().split(/\s+/).slice(1);
      expect({ line, ...(await run(...words)) }).toMatchObject({ line, code: 0, err: "" });
    }
  });
});
