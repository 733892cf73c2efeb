import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { recompute } from "../../src/loop/replay.ts";
import { unpackSpans } from "../../src/loop/span-pack.ts";
import type { DossierManifest } from "../../src/model/dossier.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import type { Json } from "../../src/model/json.ts";
import type { Span } from "../../src/model/span.ts";
import { openDossier, type OpenDossier } from "../../src/protect/dossier.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { filesOf, forge, forgeInMemory, runOn, type Forgery } from "./real-run.ts";

const SPANS = "evidence/spans.ndjson.gz";
const STAGES = ["scope", "safety", "apply", "checks", "replay"].map((stage) => `validate ${stage}`);
const ALL = ["analyze", "context", "session", "detect", ...STAGES, "validate", "propose", "canary", "loop"];

let project: SampleProject;
/** Dossier of a real run that went through every stage. */
let path: string;
let original: OpenDossier;
beforeAll(async () => {
  project = await sampleProject();
  const { report } = await runOn(project, { recording: await project.session(BETTER_WORK) });
  path = report.dossier;
  original = await openDossier(path);
}, 180_000);
afterAll(() => project.remove());

/** Parts that do not come out as recorded. */
function different(dossier: OpenDossier): string[] {
  return recompute(dossier)
    .filter(({ equal }) => !equal)
    .map(({ name }) => name);
}

/** A JSON file of the original in which the value at a path (`0.error`) is another. */
function changed(file: string, at: string, update: (value: Json) => Json): Record<string, string> {
  const within = (value: Json, keys: readonly string[]): Json => {
    const [key, ...deeper] = keys;
    if (key === undefined) return update(value);
    if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? within(item, deeper) : item));
    return { ...(value as Record<string, Json>), [key]: within((value as Record<string, Json>)[key] ?? null, deeper) };
  };
  const document = JSON.parse(original.text(file) ?? "null") as Json;
  return { [file]: JSON.stringify(within(document, at === "" ? [] : at.split("."))) };
}

const not = (value: Json): Json => value !== true;
const withoutLast = (list: Json): Json => (list as Json[]).slice(0, -1);
const times = (factor: number) => (value: Json) => Number(value) * factor;

async function differentIn(forgery: Forgery): Promise<string[]> {
  return different(await forge(path, forgery));
}

async function differentInMemory(forgery: Forgery): Promise<string[]> {
  return different(await forgeInMemory(path, forgery));
}

test("an honest dossier recomputes equal, part by part", () => {
  const parts = recompute(original);
  expect(parts.map(({ name }) => name)).toEqual(ALL);
  expect(parts.filter(({ equal }) => !equal)).toEqual([]);
  expect(
    parts.every(({ file, verdict }) => original.text(file) !== undefined || file === "manifest.json" || !verdict),
  ).toBe(true);
});

/** Every JSON file of the dossier: each is an input or a verdict. */
function jsonFiles(): string[] {
  return original.manifest.files.map(({ path: file }) => file).filter((file) => file.endsWith(".json"));
}

/** What only a run that was refused its session leaves. */
const REFUSED = "session/admission.json";

test("copying it changes nothing, nor does it matter how its JSON is written", async () => {
  expect(await differentIn({})).toEqual([]);
  expect(jsonFiles()).toHaveLength(15);
  const reformatted = jsonFiles().map((file) => [file, JSON.stringify(JSON.parse(original.text(file) ?? ""))]);
  expect(await differentIn({ files: Object.fromEntries(reformatted) })).toEqual([]);
});

describe("a changed input shows in the verdict that rests on it", () => {
  const CHECKS = ["validate checks", "validate"];
  const REPLAY = ["validate replay", "validate"];
  const samples = (at: string, update: (value: Json) => Json) => changed("canary/samples.json", at, update);
  const checks = (at: string, update: (value: Json) => Json) => changed("validation/checks.json", at, update);
  const results = (at: string, update: (value: Json) => Json) => changed("validation/replay-results.json", at, update);
  const slower = (rounds: Json): Json =>
    (rounds as { durationMs: number }[][]).map((round) =>
      round.map((call) => ({ ...call, durationMs: call.durationMs * 50 })),
    );
  const inputs: readonly [string, readonly string[], () => Record<string, string>][] = [
    ["a sample's error flag", ["canary"], () => samples("0.error", not)],
    ["a sample's duration", ["canary"], () => samples("0.durationMs", times(100))],
    ["a sample's arm", ["canary"], () => samples("0.arm", (arm) => (arm === "canary" ? "baseline" : "canary"))],
    ["a sample left out", ["canary"], () => samples("", withoutLast)],
    ["the promised error rate", ["canary"], () => changed("canary/options.json", "alpha", () => 0.01)],
    ["the margin", ["canary"], () => changed("canary/options.json", "margin", () => 9)],
    ["a check's exit code", CHECKS, () => checks("0.exitCode", () => 1)],
    ["a check left out", CHECKS, () => checks("", withoutLast)],
    [
      "a path that git changed",
      ["validate apply", "validate"],
      () => changed("validation/apply.json", "changed", (paths) => [...(paths as string[]), "src/b.mjs"]),
    ],
    ["a result after the change", REPLAY, () => results("after.0.0.result", () => ({ content: [] }))],
    ["a status after the change", REPLAY, () => results("after.0.0.status", () => "rpc_error")],
    ["the times after the change", REPLAY, () => results("after", slower)],
    ["a run of the changed code left out", REPLAY, () => results("after", withoutLast)],
    ["the weighing of the results", ["validate"], () => changed("validation/replay.json", "effects", () => [])],
  ];
  test.each(inputs)("%s", async (_name, parts, files) => {
    expect(await differentIn({ files: files() })).toEqual(parts);
  });

  test("narrower rules", async () => {
    const files = changed("validation/rules.json", "limits.lines", () => 1);
    expect(await differentIn({ files })).toEqual([...STAGES, "validate"]);
  });

  test.each([
    ["a span's duration", (spans: Span[]) => spans.map((span) => ({ ...span, durationNs: span.durationNs * 3 }))],
    ["a span's status", (spans: Span[]) => spans.map((span): Span => ({ ...span, status: "ok" }))],
    ["spans left out", (spans: Span[]) => spans.slice(2)],
  ])("%s", async (_name, change) => {
    const spans = change(unpackSpans(original.bytes(SPANS) ?? new Uint8Array()));
    const packed = gzipSync(`${JSON.stringify(encodeOtlp(spans))}\n`);
    expect(await differentIn({ files: { [SPANS]: packed } })).toEqual(["analyze"]);
  });

  test("the session's answer", async () => {
    const swap = (file: string) =>
      changed(file, "answer.patch", (patch) => (patch as string).replace("REPEAT = 1", "REPEAT = 2"));
    expect(await differentIn({ files: swap("session/record.json") })).toEqual(["session"]);
    expect(await differentIn({ files: { ...swap("session/record.json"), ...swap("proposal.json") } })).toEqual([
      "session",
      "detect",
    ]);
  });

  test("the patch beside the proposal", async () => {
    const patch = (original.text("change.patch") ?? "").replace("+const", "+let");
    expect(await differentIn({ files: { "change.patch": patch } })).toEqual(["session"]);
  });

  test("the base, the target and who answered", async () => {
    expect(await differentIn({ manifest: { baseSha: "0".repeat(40) } })).toEqual(["session"]);
    expect(await differentIn({ manifest: { target: "another" } })).toEqual(["analyze"]);
    expect(await differentIn({ files: changed("session/record.json", "model", () => "x") })).toEqual(["propose"]);
  });
});

describe("the checks before validation", () => {
  test("show a changed input, and a changed verdict", async () => {
    const failed = changed("detect/inputs.json", "wall.ok", () => false);
    expect(await differentIn({ files: failed })).toEqual(["detect"]);
    const uncalled = changed("detect/inputs.json", "calls", () => ({}));
    expect(await differentIn({ files: uncalled })).toEqual(["detect"]);
    const refused = changed("detect/report.json", "verdict", () => "fail");
    expect(await differentIn({ files: refused })).toEqual(["detect", "loop"]);
  });
});

describe("a changed claim shows where it stands", () => {
  /** Paths of all numbers, texts and truth values of a document. */
  function leaves(value: Json, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
    if (typeof value !== "object" || value === null) return [at];
    return Object.entries(value).flatMap(([key, member]) =>
      leaves(member, [...at, Array.isArray(value) ? Number(key) : key]),
    );
  }

  function changeLeaf(file: string, index: number): { leaf: string; files: Record<string, string> } {
    const paths = leaves(JSON.parse(original.text(file) ?? "null") as Json);
    const leaf = (paths[index % paths.length] ?? []).join(".");
    return { leaf, files: changed(file, leaf, another) };
  }

  function another(value: Json): Json {
    if (typeof value === "number") return value + 0.5;
    if (typeof value === "boolean") return !value;
    return value === null ? 1 : `${value as string}x`;
  }

  const claims = {
    "evidence/evidence.json": "analyze",
    "proposal.json": "session",
    "detect/report.json": "detect",
    "validation/report.json": "validate",
    "validation/replay.json": "validate",
    "canary/verdict.json": "canary",
  } as const;
  test.each(Object.entries(claims))(
    "any leaf of %s: %s differs, or the file is refused by name",
    async (file, name) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), async (index) => {
          const { leaf, files } = changeLeaf(file, index);
          // How much slower a tool may become is an input of the weighing.
          fc.pre(!(file === "validation/replay.json" && leaf === "slowdown"));
          const seen = await differentIn({ files }).catch((error: unknown) => {
            expect(error).toMatchObject({ code: "dossier_mismatch", data: { file } });
            return [name];
          });
          expect({ leaf, seen: seen.includes(name) }).toEqual({ leaf, seen: true });
        }),
        { numRuns: 25 },
      );
    },
  );

  test("the canary's verdict turned round shows in the canary and in the run's end", async () => {
    const turned = original.manifest.verdict === "promoted" ? "rollback" : "promote";
    const files = changed("canary/verdict.json", "verdict", () => turned);
    expect(await differentIn({ files })).toEqual(["canary", "loop"]);
  });

  test("the window of the evidence moved", async () => {
    const files = changed("evidence/evidence.json", "window.since", () => "2020-01-01T00:00:00.000Z");
    expect(await differentIn({ files })).toEqual(["analyze", "context"]);
  });

  test("what the session was told, and what is stated of it", async () => {
    const told = `${original.text("session/context.md") ?? ""}\nDo more.`;
    expect(await differentIn({ files: { "session/context.md": told } })).toEqual(["context"]);
    const digest = changed("session/context.json", "evidenceDigest", () => "0".repeat(64));
    expect(await differentIn({ files: digest })).toEqual(["context"]);
  });

  test("the report altered", async () => {
    const report = `${original.text("report.md") ?? ""}\nBelieve me.`;
    expect(await differentIn({ files: { "report.md": report } })).toEqual(["propose"]);
  });

  const manifests: readonly [string, (manifest: DossierManifest) => Partial<DossierManifest>][] = [
    ["its verdict", () => ({ verdict: "held" })],
    ["its reasons", () => ({ reasons: ["run_failed"] })],
    [
      "a stage's verdict",
      ({ stages }) => ({
        stages: stages.map((stage) => (stage.stage === "validate" ? { ...stage, verdict: "fail" } : stage)),
      }),
    ],
    [
      "a stage's reasons",
      ({ stages }) => ({
        stages: stages.map((stage) => (stage.stage === "analyze" ? { ...stage, reasons: ["no_finding"] } : stage)),
      }),
    ],
    ["a stage left out", ({ stages }) => ({ stages: stages.filter(({ stage }) => stage !== "session") })],
    ["its last stage left out", ({ stages }) => ({ stages: stages.slice(0, -1) })],
    ["no stage", () => ({ stages: [] })],
  ];
  test.each(manifests)("the manifest with another end: %s", async (_name, change) => {
    expect(await differentIn({ manifest: change(original.manifest) })).toEqual(["loop"]);
  });

  test("a run that was stopped early cannot pass for one that was promoted", async () => {
    const gone = ["canary/verdict.json", "canary/samples.json", "canary/options.json"];
    const files = Object.fromEntries(gone.map((file) => [file, null]));
    expect(await differentIn({ files })).toEqual(["loop"]);
  });
});

describe("a dossier that cannot be judged", () => {
  test("any file left out is named, or shows", async () => {
    const names = [...(await filesOf(path)).keys()].filter((file) => file !== "manifest.json");
    const unused = ["session/context.json"];
    for (const file of names) {
      const seen = await differentIn({ files: { [file]: null } }).catch((error: unknown) => {
        expect(error).toMatchObject({
          code: "dossier_mismatch",
          message: expect.stringContaining(file),
          data: { file },
        });
        return [file];
      });
      expect({ file, seen: seen.length > 0 }).toEqual({ file, seen: !unused.includes(file) });
    }
  });

  const garbage = fc.oneof(
    fc.constantFrom(
      "",
      "null",
      "[]",
      "{}",
      "{",
      "\u0000",
      '"text"',
      "[null]",
      "[[]]",
      '{"ok":true}',
      '{"__proto__":1}',
    ),
    fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  test("any file of garbage is refused by name or shows; nothing else happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...jsonFiles(), REFUSED, SPANS, "change.patch"), garbage, async (file, text) => {
        const seen = await differentInMemory({ files: { [file]: text } }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(WhetstoneError);
          expect(error).toMatchObject({ code: "dossier_mismatch", data: { file } });
          return [file];
        });
        expect({ file, text, seen: seen.length > 0 }).toMatchObject({ seen: true });
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ["no gzip", "spans"],
    ["gzip of no JSON", gzipSync("{")],
    ["half a gzip", gzipSync("x".repeat(1_000)).subarray(0, 15)],
  ])("spans that are %s", async (_name, bytes) => {
    const opened = await forge(path, { files: { [SPANS]: bytes } });
    expect(() => recompute(opened)).toThrow(
      expect.objectContaining({ code: "dossier_mismatch", data: { file: SPANS } }),
    );
  });

  test("options that no judge takes", async () => {
    const opened = await forge(path, { files: changed("canary/options.json", "alpha", () => 7) });
    expect(() => recompute(opened)).toThrow(/canary\/options.json of the dossier cannot be judged by: .*alpha/);
  });

  test("a field of the wrong kind is named with its path", async () => {
    const opened = await forge(path, { files: changed("canary/samples.json", "3.error", () => "no") });
    expect(() => recompute(opened)).toThrow(/canary\/samples.json .* field 3.error/);
  });
});

describe("every way in which a run may end", () => {
  const endings: readonly [string, string | null, string, readonly string[]][] = [
    ["nothing is changed", null, "rejected", ["session", "detect"]],
    ["the change has a fault in its syntax", "export function work( {\n", "rejected", ["validate checks", "validate"]],
    ["the server does not start", 'throw new Error("no");\n', "rejected", ["validate replay", "validate"]],
    ["results differ", "export const work = () => 1;\n", "rejected", ["validate replay", "validate"]],
  ];
  test.each(endings)("%s: recomputes equal", async (_name, work, ...[status, last]) => {
    const { report } = await runOn(project, { recording: await project.session(work) });
    const dossier = await openDossier(report.dossier);
    const parts = recompute(dossier);
    expect([report.status, dossier.manifest.verdict]).toEqual([status, status]);
    expect(parts.filter(({ equal }) => !equal)).toEqual([]);
    expect(parts.map(({ name }) => name).slice(-1 - last.length)).toEqual([...last, "loop"]);
  });

  test("a run that only looks: recomputes equal", async () => {
    const { report } = await runOn(project, { mode: "analysis" });
    expect([report.status, report.reasons]).toEqual(["no_change", ["analysis_only"]]);
    const parts = recompute(await openDossier(report.dossier));
    expect(parts.map(({ name, equal }) => [name, equal])).toEqual([
      ["analyze", true],
      ["loop", true],
    ]);
  });

  test("a session without an answer, and one that was cut off: recompute equal", async () => {
    for (const extra of [{ answer: undefined }, { partial: true }]) {
      const recording = await project.session(BETTER_WORK, extra as object);
      const { report } = await runOn(project, { recording });
      expect(report.status).toBe("inconclusive");
      expect(recompute(await openDossier(report.dossier)).map(({ name, equal }) => [name, equal])).toEqual([
        ["analyze", true],
        ["context", true],
        ["loop", true],
      ]);
    }
  });
});

test("the spans of the dossier are those of the run: one relayed call for each result of the reference", () => {
  const lines = gunzipSync(original.bytes(SPANS) ?? new Uint8Array()).toString("utf8");
  expect(lines.endsWith("\n")).toBe(true);
  const results = JSON.parse(original.text("validation/replay-results.json") ?? "{}") as { reference: unknown[] };
  const calls = unpackSpans(original.bytes(SPANS) ?? new Uint8Array()).filter(
    ({ kind, name }) => kind === "client" && name.startsWith("tools/call"),
  );
  expect(calls).toHaveLength(results.reference.length);
});
