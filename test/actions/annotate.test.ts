import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { annotateFrom, annotateRefusal, refusalsOf, remarksOf } from "../../src/actions/annotate.ts";
import type { Remark } from "../../src/actions/job.ts";
import { DetectReport } from "../../src/model/detect.ts";
import { writeDossier } from "../../src/protect/dossier.ts";
import fc from "../support/fast-check.ts";

const part = (path: string, hunk: string): string =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${hunk}`;
const A = part("src/a.ts", "@@ -3,4 +3,5 @@\n keep\n-old\n+new\n+more\n keep\n keep\n");
const B = part("src/a.tsx", "@@ -10,2 +10,3 @@\n keep\n+added\n keep\n");
const NEW = "diff --git a/n.ts b/n.ts\nnew file mode 100644\n--- /dev/null\n+++ b/n.ts\n@@ -0,0 +1,2 @@\n+one\n+two\n";
const refusal = (detail: string) => ({ title: "Whetstone: patch (path_forbidden)", detail });

/** Files of a dossier whose patch a check refused. */
function dossier(patch: string, details: readonly string[]): Map<string, string> {
  const step = { verdict: "fail" as const, reasons: ["path_forbidden" as const], details: [...details] };
  const report = {
    schema: "whetstone.detect/1",
    proposal: "p-1",
    patchDigest: "0".repeat(64),
    verdict: "fail",
    reasons: ["path_forbidden"],
    checks: [
      { check: "form", verdict: "pass", reasons: ["ok"], details: ["fine"] },
      { check: "patch", ...step },
    ],
  } satisfies DetectReport;
  return new Map([
    ["session/record.json", JSON.stringify({ answer: { patch } })],
    ["detect/report.json", JSON.stringify(DetectReport.parse(report))],
  ]);
}

function annotated(files: ReadonlyMap<string, string>): [string, Remark | undefined][] {
  const said: [string, Remark | undefined][] = [];
  const core = { error: (line: string, at?: Remark) => void said.push([line, at]) };
  annotateRefusal(core, { text: (path) => files.get(path) });
  return said;
}

describe("remarks on the changed lines", () => {
  test("stand on the lines that are changed, of the file that a reason names", () => {
    expect(remarksOf(A + B, [refusal("src/a.ts is outside the source paths.")])).toEqual([
      {
        message: "src/a.ts is outside the source paths.",
        at: { title: "Whetstone: patch (path_forbidden)", file: "src/a.ts", startLine: 4, endLine: 5 },
      },
    ]);
    expect(remarksOf(A + B, [refusal('"src/a.tsx" is protected')])).toMatchObject([
      { at: { file: "src/a.tsx", startLine: 11, endLine: 11 } },
    ]);
  });

  test("a reason that names no file stands on every file; a new file has its own lines", () => {
    expect(remarksOf(A + NEW, [refusal("too large")]).map(({ at }) => at)).toMatchObject([
      { file: "src/a.ts" },
      { file: "n.ts", startLine: 1, endLine: 2 },
    ]);
  });

  test("a change that cannot be read gets its remark without a place", () => {
    expect(remarksOf("no patch", [refusal("unreadable")])).toEqual([
      { message: "unreadable", at: { title: "Whetstone: patch (path_forbidden)" } },
    ]);
  });

  test("more than GitHub shows are counted", () => {
    const said = remarksOf(
      A,
      Array.from({ length: 30 }, (_, i) => refusal(`reason ${i}`)),
    );
    expect(said).toHaveLength(10);
    expect(said.at(-1)?.message).toBe("21 more remarks are in the dossier.");
  });

  test("never name a line before the first, whatever was refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(A, B, NEW, A + B + NEW, ""), fc.array(fc.string()), (patch, details) => {
        const said = remarksOf(patch, details.map(refusal));
        expect(said.length > 0).toBe(details.length > 0);
        for (const { at } of said.filter((one) => one.at.file !== undefined)) {
          expect(at.startLine).toBeGreaterThanOrEqual(1);
          expect(at.endLine).toBeGreaterThanOrEqual(at.startLine ?? 0);
        }
      }),
    );
  });
});

describe("remarks of a dossier", () => {
  test("are what its failed checks said, as one line each that gives the runner no orders", () => {
    const said = annotated(dossier(A, ["src/a.ts\n::stop-commands::x"]));
    expect(said).toEqual([
      ["src/a.ts ::stop-commands::x", expect.objectContaining({ file: "src/a.ts", startLine: 4 })],
    ]);
    expect(annotated(dossier(A, ["::error::src/a.ts"]))[0]?.[0]).not.toMatch(/^::/);
  });

  test("a failed check without words still has its reasons", () => {
    const files = dossier(A, []);
    expect(refusalsOf({ text: (path) => files.get(path) })).toEqual([
      { title: "Whetstone: patch (path_forbidden)", detail: "Whetstone: patch (path_forbidden)" },
    ]);
  });

  test("nothing refused and nothing there is no remark", () => {
    expect(annotated(new Map())).toEqual([]);
    expect(annotated(new Map([["detect/report.json", "{"]]))).toEqual([]);
  });

  test("come from the folder of a dossier; one that cannot be read is said and stops nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whetstone-annotate-"));
    const lines: string[] = [];
    const core = { error: (line: string) => void lines.push(line), info: (line: string) => void lines.push(line) };
    const head = {
      id: "d-1",
      run: "r-1",
      target: "notes",
      createdAt: "2026-11-20T10:00:00.000Z",
      baseSha: "a".repeat(40),
      recorded: [],
      verdict: "rejected",
      reasons: ["path_forbidden"],
      stages: [],
    } as const;
    await writeDossier(
      folder,
      { ...head, recorded: [], reasons: ["path_forbidden"], stages: [] },
      dossier(A, ["src/a.ts is outside."]),
    );
    await annotateFrom(core, join(folder, "d-1"));
    await annotateFrom(core, join(folder, "none"));
    expect(lines).toEqual(["src/a.ts is outside.", expect.stringMatching(/^No remarks on the changed lines: /)]);
    await rm(folder, { recursive: true });
  });
});
