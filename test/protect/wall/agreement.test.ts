import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parsePatch } from "../../../src/protect/patch.ts";
import { judgeViews } from "../../../src/protect/wall/agreement.ts";
import type { WallEvidence } from "../../../src/protect/wall/change.ts";
import { judgeApply } from "../../../src/validate/stage.ts";

const PATCH = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,2 +1,3 @@
 one
-two
+TWO
+three
diff --git a/src/deep/x.ts b/src/deep/y.ts
old mode 100644
new mode 100755
similarity index 100%
rename from src/deep/x.ts
rename to src/deep/y.ts
diff --git a/src/gone.ts b/src/gone.ts
deleted file mode 100644
diff --git a/src/new.ts b/src/new.ts
new file mode 100644
`;
const [A, B, X, EMPTY] = ["a", "b", "c", "e"].map((digit) => digit.repeat(40)) as [string, string, string, string];
const changes = [
  { path: "src/a.ts", oldMode: "100644", newMode: "100644", oldId: A, newId: B },
  { path: "src/deep/x.ts", oldMode: "100644", newMode: null, oldId: X, newId: null },
  { path: "src/deep/y.ts", oldMode: null, newMode: "100755", oldId: null, newId: X },
  { path: "src/gone.ts", oldMode: "100644", newMode: null, oldId: EMPTY, newId: null },
  { path: "src/new.ts", oldMode: null, newMode: "100644", oldId: null, newId: EMPTY },
];
const EVIDENCE: WallEvidence = {
  ours: changes,
  read: {
    numstat: ["2\t1\tsrc/a.ts", "0\t0\tsrc/deep/y.ts", "0\t0\tsrc/gone.ts", "0\t0\tsrc/new.ts"],
    summary: [
      " rename src/deep/{x.ts => y.ts} (100%)",
      " mode change 100644 => 100755",
      " delete mode 100644 src/gone.ts",
      " create mode 100644 src/new.ts",
    ],
  },
  tree: structuredClone(changes),
};
const parsed = parsePatch(PATCH);
if (!parsed.ok) throw new Error(parsed.detail);
const { patch } = parsed;
const applied = { ok: true, changed: changes.map(({ path }) => path) } as const;

describe("judgeViews", () => {
  test("passes where all views are the same", () => {
    expect(judgeViews(patch, EVIDENCE)).toEqual({ verdict: "pass", reasons: ["ok"], details: [] });
    expect(judgeApply({ ...applied, views: EVIDENCE }, PATCH)).toMatchObject({ verdict: "pass" });
  });

  test("any text of any view changed, or any line left out or said twice, is a disagreement", () => {
    const lists = ["ours", "tree", "numstat", "summary"] as const;
    const act = fc.constantFrom("drop", "twice", "alter");
    fc.assert(
      fc.property(fc.constantFrom(...lists), fc.nat(), act, (list, index, what) => {
        const evidence = structuredClone(EVIDENCE) as { -readonly [Key in keyof WallEvidence]: WallEvidence[Key] };
        const view = (list === "ours" || list === "tree" ? evidence[list] : evidence.read[list]) as unknown[];
        const at = index % view.length;
        const one = view[at];
        if (what === "drop") view.splice(at, 1);
        else if (what === "twice") view.splice(at, 0, structuredClone(one));
        else if (typeof one === "string") view[at] = `${one}x`;
        else {
          const record = one as Record<string, string | null>;
          const key = Object.keys(record)[index % 5] ?? "path";
          record[key] = record[key] === null ? "1" : null;
        }
        expect(judgeViews(patch, evidence)).toMatchObject({ verdict: "fail", reasons: ["views_disagree"] });
        expect(judgeApply({ ...applied, views: evidence }, PATCH)).toMatchObject({ reasons: ["views_disagree"] });
      }),
      { numRuns: 300 },
    );
  });

  test("a refusal keeps the wall's reasons", () => {
    const refused = { ok: false, detail: "too late", reasons: ["base_missing"] } as const;
    expect(judgeApply(refused, PATCH)).toEqual({ verdict: "fail", reasons: ["base_missing"], details: ["too late"] });
    expect(judgeApply({ ok: false, detail: "no" }, PATCH)).toMatchObject({ reasons: ["patch_does_not_apply"] });
  });
});
