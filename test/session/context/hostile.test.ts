import { describe, expect, test } from "@jest/globals";
import { buildEvidence } from "../../../src/analyze/evidence.ts";
import { windowOf } from "../../../src/loop/analyze.ts";
import type { Evidence } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { assembleContext, DEFAULT_CONTEXT_LIMITS } from "../../../src/session/context.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { trace } from "../../analyze/population.ts";
import { BAIT, HOSTILE_TELEMETRY } from "./hostile-telemetry.ts";
import { earlier, halves, outcome, parts } from "./told.ts";

/** Marks what came by a channel of free text, none of which may reach a session. */
const FREE = "by-free-text";

/** Calls of which the hostile text is in every name, and in every free text besides, marked. */
function hostileSpans(text: string): Span[] {
  const free = `${text} ${FREE}`;
  const children = Array.from({ length: 12 }, (_, index) => ({ name: text, at: index * 10 + 1, ms: 9 }));
  const plans = Array.from({ length: 8 }, (_, n) =>
    trace(n, { name: "search", at: 0, ms: 130, kind: "server", children }).concat(
      trace(n + 8, { name: text, service: text, at: 0, ms: 50, kind: "server", error: text }),
    ),
  );
  return plans.flat().map((span) => ({
    ...span,
    statusMessage: free,
    attributes: { ...span.attributes, "gen_ai.tool.description": free, [free]: free },
    events: [
      {
        name: free,
        timeNs: span.startNs,
        attributes: { "exception.message": free, "exception.stacktrace": free },
      },
    ],
    resource: { "service.name": span.service, "service.version": free },
    scope: { name: free, version: free },
  }));
}

/** The way of telemetry: into a store, back out of it, into evidence. */
async function evidenceOf(text: string): Promise<Evidence> {
  await using store = memoryStore();
  await store.append(hostileSpans(text));
  await store.logs.append([
    {
      timeNs: 1n,
      body: `${text} ${FREE}`,
      severity: 17,
      attributes: {},
      service: text,
      resource: {},
      scope: { name: text },
    },
  ]);
  const spans: Span[] = [];
  for await (const batch of store.spans({})) spans.push(...batch);
  return buildEvidence({ target: "notes", window: windowOf(spans), spans });
}

const told = (evidence: Evidence, text: string) =>
  assembleContext({
    ...parts,
    evidence,
    sessions: [earlier("s-1", { summary: `${text} by-summary` })],
    outcomes: [outcome("o-1", { paths: [text] })],
  });

/** Every text in a JSON value, keys included. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [...(Array.isArray(value) ? [] : [key]), ...textsIn(member)]);
}

test("the corpus has at least sixty samples, each with a text and the bait of its own", () => {
  expect(HOSTILE_TELEMETRY.length).toBeGreaterThanOrEqual(60);
  expect(new Set(HOSTILE_TELEMETRY.map(({ text }) => text)).size).toBe(HOSTILE_TELEMETRY.length);
  for (const { text } of HOSTILE_TELEMETRY) expect(text).toContain(BAIT);
});

describe("hostile telemetry, from the store to the bytes of a context", () => {
  const harmless = evidenceOf("list").then((evidence) => halves(told(evidence, "harmless").text));

  test.each(HOSTILE_TELEMETRY)("$name", async ({ text }) => {
    const evidence = await evidenceOf(text);
    // The sample did arrive: as a name, and as the child of a finding.
    expect(evidence.operations.length).toBeGreaterThan(1);
    expect(evidence.findings.map(({ kind }) => kind)).toContain("n_plus_one");
    expect(evidence.findings.map(({ kind }) => kind)).toContain("errors");

    const context = told(evidence, text);
    const { instructions, data } = halves(context.text);
    // What the model is asked to do is the same to the byte, whatever the telemetry says.
    expect(instructions).toBe((await harmless).instructions);
    expect(instructions).not.toContain(BAIT);
    // What was free text is not there at all.
    expect(context.text).not.toContain(FREE);
    // Below the mark there is one object to a line: nothing ends it, hides in it or looks like another frame.
    for (const line of data) {
      expect(line).toMatch(/^\{"[\u0020-\u007e]*\}$/);
      expect(line).not.toMatch(/[<>&`]/);
      const value = JSON.parse(line) as { readonly part: string };
      expect(["evidence", "finding", "operation", "outcome", "session"]).toContain(value.part);
      // Cut: 400 characters, or 2,000 of a summary, and the note about it.
      for (const one of textsIn(value)) {
        expect(Array.from(one).length).toBeLessThanOrEqual((value.part === "session" ? 2_000 : 400) + 60);
        expect(one).not.toMatch(/sk-ant-api03-\w{20}/);
      }
    }
    // It is labelled as what it is, and bounded as a whole.
    expect(context.text.split("\n").filter((line) => line === "# Data")).toHaveLength(1);
    const most = Object.values(DEFAULT_CONTEXT_LIMITS).reduce((sum, limit) => sum + limit, 0);
    expect(context.account.tokens).toBeLessThan(most + 1_000);
    for (const { droppedIds } of context.account.parts) {
      for (const id of droppedIds) expect(id).toMatch(/^\P{C}{0,260}$/u);
    }
  });
});
