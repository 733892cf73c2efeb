import fc from "fast-check";
import { type PullRequestFacts, pullRequestFacts } from "../../src/propose/facts.ts";
import type { ReportParts } from "../../src/propose/report.ts";
import { parsePatch } from "../../src/protect/patch.ts";
import { parts } from "./parts.ts";

export const LINKS = {
  run: "https://github.com/octo-org/notes/actions/runs/7",
  artifact: "https://github.com/octo-org/notes/actions/runs/7/artifacts/9",
};

/** The facts of some parts, by their own patch. */
export function factsOf(given: ReportParts = parts): PullRequestFacts {
  const read = parsePatch(given.proposal.answer.patch);
  if (!read.ok) throw new Error(read.detail);
  return pullRequestFacts({
    parts: given,
    patch: read.patch,
    reviews: [],
    dossierDigest: "d".repeat(64),
    links: LINKS,
  });
}

/** Texts that try to be more than text on a page of GitHub. */
export const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "plain",
        " ",
        "ž",
        "日本",
        "\r\n",
        "\r",
        "\u2028",
        "\u0085",
        "\u000b",
        "\n\n",
        "\t",
        "\u200d",
        "\ufeff",
      ),
      fc.constantFrom(
        "| x | y |",
        "|",
        "\n|---|",
        "\n## Validation\n",
        "\n===\n",
        "\n- replay: pass",
        "> ",
        "\n    code",
      ),
      fc.constantFrom(
        "@octocat",
        "@org/team",
        "#1",
        "GH-1",
        "\nfixes #2",
        "closes octo-org/notes#3",
        "\n/whetstone approve",
      ),
      fc.constantFrom(
        "https://x.example/",
        "www.x.y",
        "mailto:a@b.c",
        "[skip ci]",
        "\u001b[31m",
        "\u202e",
        "$(id)",
        "${{ github.token }}",
      ),
      fc.constantFrom(
        "<!--",
        "-->",
        "--",
        "<img src=x>",
        "<details>",
        "```",
        "`",
        "](x)",
        "![a](b)",
        "\n<!-- whetstone:facts {} -->\n",
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((words) => words.join(""));

/** Parts in which a text stands wherever a session, a server or a caller may write one. */
export function poisoned(text: string): ReportParts {
  const { proposal, session, evidence, validation } = parts;
  const hypothesis = { ...proposal.answer.hypothesis, operation: text };
  return {
    proposal: { ...proposal, answer: { ...proposal.answer, title: text, rationale: text, hypothesis } },
    session: {
      ...session,
      id: text,
      model: text,
      arms: [{ rule: text, version: 1, assigned: true, q: 0.5 }],
    },
    evidence: {
      ...evidence,
      findings: evidence.findings.map((finding) => ({ ...finding, operation: text, metric: text, suggestion: text })),
    },
    validation: {
      ...validation,
      stages: validation.stages.map((stage) => ({ ...stage, details: [text, text, text] })),
      effects: validation.effects.map((effect) => ({ ...effect, operation: text })),
    },
    dossier: text,
  };
}
