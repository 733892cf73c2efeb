import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { z } from "zod";
import { SCHEMAS, schemaText } from "../scripts/schemas.ts";
import { compareSets } from "../src/analyze/regressions/compare.ts";
import { sloReport, sloStatus } from "../src/analyze/slo/status.ts";
import { groupTraces } from "../src/analyze/tree.ts";
import type { Json } from "../src/model/json.ts";
import { newApiKey } from "../src/protect/api-key.ts";
import { checkpointFile } from "../src/protect/ledger-checkpoint.ts";
import { signingKeyOf } from "../src/protect/signing-key.ts";
import { repeat, trace, type Plan } from "./analyze/population.ts";
import { checkPopulation } from "../src/specs/check.ts";
import { requireSpec } from "../src/specs/parse.ts";
import type { CheckResult } from "../src/specs/result.ts";
import { filesOf, runOn, workspaceOf } from "./loop/real-run.ts";
import { filesOf as stateFilesOf, granted, openDesk } from "./protect/authorization/desk.ts";
import {
  aaDocuments,
  liveAaDocuments,
  budgetDocuments,
  type Document,
  documentsIn,
  commandDocuments,
  gateDocuments,
  learningDocuments,
  printed,
  rolloutDocuments,
  shadowDocuments,
  stateDocuments,
  stopDocuments,
} from "./schema-documents.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "./support/sample-project.ts";

function jsonFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".json"));
}

/** Documents of this repository itself. */
function ownDocuments(): Document[] {
  const json = (schema: string, from: string): Document => ({
    schema,
    from,
    value: JSON.parse(readFileSync(from, "utf8")) as Json,
  });
  const yaml = (schema: string, from: string): Document => ({
    schema,
    from,
    value: parse(readFileSync(from, "utf8")) as Json,
  });
  const examples = readdirSync("examples").map((name) => join("examples", name));
  const sessions = examples.flatMap((folder) =>
    jsonFiles(join(folder, "sessions")).map((name) => json("session", join(folder, "sessions", name))),
  );
  const rules = readdirSync("rules").filter((name) => name.endsWith(".yaml"));
  return [
    yaml("whetstone", "whetstone.yaml"),
    ...examples.map((folder) => json("workload", join(folder, "workload.json"))),
    ...sessions,
    yaml("spec", "specs/templates/checkout.yaml"),
    ...rules.map((name) => yaml("rule", join("rules", name))),
  ];
}

/** What commands print: a comparison in which a metric and a relation changed, and an objective that is missed. */
function printedDocuments(): Document[] {
  const tool = (children: readonly Plan[]): Plan => ({ name: "tool", kind: "server", at: 0, ms: 50, children });
  const set = (of: Plan) => groupTraces(repeat(30, () => of));
  const calls: readonly Plan[] = [0, 5, 10].map((at) => ({ name: "query", at, ms: 4 }));
  const before = [...set(tool(calls.slice(0, 1))), ...set({ name: "gone", at: 0, ms: 1 })];
  const compared = compareSets(before, set({ ...tool(calls), ms: 500 }));
  const objective = { target: "notes", name: "up", service: "notes", sli: "latency" as const, thresholdNs: 1e6 };
  const minutes = new Map([[0n, { total: 1_000, bad: 100, uncertain: 1 }]]);
  const status = sloStatus({ ...objective, objective: 0.99, windowNs: 86_400e9 }, minutes, 60_000_000_000n);
  return [
    printed("regressions", "two sets of traces", compared),
    printed("spec-check", "a trace", checkedSpec()),
    printed("slo", "an objective", sloReport([status])),
  ];
}

/** What one job of a workflow hands to the next. */
function handedDocuments(): Document[] {
  const digest = "a".repeat(64);
  const said = { verdict: "pass", reasons: ["ok"], details: ["No secret in 12 lines."] };
  const subject = { run: { id: 7, attempt: 1 }, artifactDigest: digest, patchDigest: digest };
  const value = { schema: "whetstone.step-verdict/1", step: "detect", ...subject, ...said };
  return [{ schema: "step-verdict", from: "the job detect", value }];
}

/** A specification that one of two traces does not keep, in more ways than one. */
function checkedSpec(): CheckResult {
  const yaml = "name: s\nexpected_spans: [{ operation_name: a, required_tags: { b: 1 } }, { operation_name: c }]\n";
  const traces = [{ name: "a" }, { name: "c" }, { name: "d" }].map((plan) => ({ ...plan, at: 0, ms: 1 }));
  const trees = groupTraces(traces.flatMap((plan, n) => trace(n, plan)));
  return checkPopulation(requireSpec(yaml, "s").spec, trees);
}

/** What a granted authorization leaves on the state branch. */
async function authorizationDocuments(): Promise<Document[]> {
  const desk = openDesk();
  await granted(desk);
  const kinds = { "authorizations/": "authorization", "authorization-keys/": "authorization-key" } as const;
  return Object.entries(await stateFilesOf(desk.state)).flatMap(([path, text]) =>
    Object.entries(kinds).flatMap(([folder, schema]) =>
      path.startsWith(folder) ? { schema, from: path, value: JSON.parse(text ?? "") as Json } : [],
    ),
  );
}

let project: SampleProject;
let documents: readonly Document[];
beforeAll(async () => {
  project = await sampleProject();
  // One run through every stage, and one that is refused, from which a rule is learned whatever the first one measured.
  const { report } = await runOn(project, { recording: await project.session(BETTER_WORK) });
  await runOn(project, { recording: await project.session("export function work( {\n") });
  const dossier = new Map<string, string>();
  for (const [path, bytes] of await filesOf(report.dossier)) dossier.set(path, Buffer.from(bytes).toString("utf8"));
  const { record } = newApiKey({
    name: "ci",
    role: "developer",
    nowNs: 0n,
    expiresNs: 1n,
    random: (bytes) => new Uint8Array(bytes),
  });
  const signer = signingKeyOf(new Uint8Array(32));
  const tip = { seq: 7, digest: "a".repeat(64) };
  const [path, signed] = checkpointFile(tip, { signer, time: "2026-11-20T10:00:00.000000Z" });
  const checkpoint: Document = { schema: "ledger-checkpoint", from: path, value: JSON.parse(signed) as Json };
  const key: Document = { schema: "api-key", from: "a new key", value: { ...record } as Json };
  documents = [
    key,
    checkpoint,
    ...(await authorizationDocuments()),
    ...printedDocuments(),
    ...handedDocuments(),
    ...ownDocuments(),
    ...documentsIn(dossier),
    ...(await stateDocuments((await workspaceOf(project)).state)),
    ...(await budgetDocuments()),
    ...(await rolloutDocuments()),
    ...(await learningDocuments()),
    ...(await gateDocuments()),
    ...(await stopDocuments()),
    ...(await commandDocuments()),
    ...aaDocuments(),
    ...liveAaDocuments(),
    ...shadowDocuments(),
  ];
}, 180_000);
afterAll(() => project.remove());

const names = Object.keys(SCHEMAS);
const published = Object.fromEntries(
  names.map((name) => [
    name,
    z.fromJSONSchema(JSON.parse(readFileSync(`schemas/${name}.schema.json`, "utf8")) as z.core.JSONSchema.JSONSchema),
  ]),
);

/** What the schema in the code and the one that is published say of a value. */
function verdicts(schema: string, value: unknown): { readonly code: boolean; readonly published: boolean } {
  return {
    code: SCHEMAS[schema]?.safeParse(value).success === true,
    published: published[schema]?.safeParse(value).success === true,
  };
}

const BOTH = { code: true, published: true };
const NEITHER = { code: false, published: false };

describe("published schemas", () => {
  test.each(names)("%s is what the code generates", async (name) => {
    expect(await readFile(`schemas/${name}.schema.json`, "utf8")).toBe(await schemaText(name));
  });

  test("there are no others", () => {
    expect(readdirSync("schemas").sort()).toEqual(names.map((name) => `${name}.schema.json`).sort());
  });

  test("a name that none has is an error", async () => {
    await expect(schemaText("none")).rejects.toThrow("There is no schema none.");
  });
});

describe("documents", () => {
  test("there is a real one for every schema", () => {
    expect([...new Set(documents.map(({ schema }) => schema))].sort()).toEqual(names.toSorted());
  });

  test("each keeps its schema, in the code and as published", () => {
    for (const { schema, from, value } of documents) {
      expect({ schema, from, ...verdicts(schema, value) }).toEqual({ schema, from, ...BOTH });
    }
  });

  test("none keeps the schema of another kind", () => {
    for (const { schema, from, value } of documents) {
      const others = names.filter((name) => name !== schema && verdicts(name, value).code);
      expect({ from, others }).toEqual({ from, others: [] });
    }
  });

  test("each is refused with a property that its schema does not know", () => {
    for (const { schema, from, value } of documents) {
      const extended = { ...(value as object), extra: 1 };
      expect({ from, ...verdicts(schema, extended) }).toEqual({ from, ...NEITHER });
    }
  });

  test("each is refused without any property that its schema requires", () => {
    for (const { schema, from, value } of documents) {
      const text = readFileSync(`schemas/${schema}.schema.json`, "utf8");
      const { required = [] } = JSON.parse(text) as { required?: string[] };
      expect(required.length).toBeGreaterThan(0);
      for (const name of required) {
        const { [name]: _left, ...rest } = value as Record<string, Json>;
        expect({ from, name, ...verdicts(schema, rest) }).toEqual({ from, name, ...NEITHER });
      }
    }
  });
});

describe("a changed document", () => {
  type Path = readonly (string | number)[];

  /** Paths of every value in a document. */
  function pathsIn(value: Json, at: Path = []): Path[] {
    if (typeof value !== "object" || value === null) return [at];
    const members = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    return [at, ...members.flatMap(([key, member]) => pathsIn(member, [...at, key]))];
  }

  function replaced(value: Json, [key, ...rest]: Path, by: (old: Json) => Json): Json {
    if (key === undefined) return by(value);
    if (Array.isArray(value)) return value.map((item, index) => (index === key ? replaced(item, rest, by) : item));
    const record = value as Record<string, Json>;
    return { ...record, [key]: replaced(record[String(key)] ?? null, rest, by) };
  }

  const other = fc.oneof(
    fc.constantFrom<Json>(null, true, -1, 0.5, 1e9, "", "x", "0".repeat(64), "2026-11-20T10:00:00Z", [], {}),
    fc.jsonValue({ maxDepth: 2 }).map((value) => value as Json),
  );

  test("is judged alike by the code and by what is published", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), other, (which, where, value) => {
        const document = documents[which % documents.length]!;
        const paths = pathsIn(document.value);
        const path = paths[where % paths.length] ?? [];
        const changed = replaced(document.value, path, () => value);
        const { code, published: open } = verdicts(document.schema, changed);
        expect({ from: document.from, path, value, open }).toEqual({ from: document.from, path, value, open: code });
      }),
      { numRuns: 2_000 },
    );
  });

  test("with a property more is refused, in whichever of its objects it stands", () => {
    const open = new Set<string>();
    for (const { schema, value } of documents) {
      for (const path of pathsIn(value)) {
        const extended = replaced(value, path, (old) =>
          typeof old === "object" && old !== null && !Array.isArray(old) ? { ...old, extra: { x: [] } } : old,
        );
        if (JSON.stringify(extended) === JSON.stringify(value)) continue;
        const { code, published: outside } = verdicts(schema, extended);
        expect({ schema, path, outside }).toEqual({ schema, path, outside: code });
        if (code) open.add(`${schema} ${path.filter((key) => typeof key === "string").join(".")}`);
      }
    }
    // What a call is given is the server's own matter.
    expect([...open].filter((path) => !path.startsWith("workload sessions.calls.arguments"))).toEqual([]);
  });
});
