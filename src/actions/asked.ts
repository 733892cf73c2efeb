import type { Asked } from "../loop/relay-order.ts";
import { nearest } from "../model/nearest.ts";
import { SessionMode } from "../model/proposal.ts";
import { parsePullSession } from "../model/pull-change.ts";
import { below, type InputSource, parseFlag, usage } from "./input-check.ts";

/** Inputs of the gate that say what is asked for. */
export const ASKED_INPUTS = ["mode", "session", "question", "budget-usd", "authorization"] as const;

/** What is asked for, and the authorization for it as its token. */
export type AskedFor = { readonly asked: Asked; readonly authorization: string | undefined };

const LONGEST_QUESTION = 2_000;

/**
 * Reads what a run is asked for, each input for itself and all together, before anything is measured or spent. Whether a
 * refinement is permitted is the guard's to say: a run that the App started brings no token.
 * @throws WhetstoneError `usage`
 */
export function readAsked(get: InputSource["get"], folder: string): AskedFor {
  const mode = modeOf(get("mode"));
  const session = sessionOf(get("session"), folder);
  const [question, budget, token] = [get("question"), get("budget-usd"), get("authorization").trim()];
  if (mode === "refinement" && session === null) {
    throw usage("`mode: refinement` needs the input `session`.", "Set `session: claude`, or `session: replay:FILE`.");
  }
  if (session?.kind === "pull") assertProvesAPull({ mode, dryRun: get("dry-run") });
  const isLive = session?.kind === "claude";
  for (const [name, given] of [
    ["question", question],
    ["budget-usd", budget],
    ["authorization", token],
  ] as const) {
    if (given === "" || isLive) continue;
    throw usage(`\`${name}\` is set, but nobody would be asked.`, `Set \`session: claude\`, or leave \`${name}\` out.`);
  }
  if (token !== "" && mode === "analysis") {
    throw usage("`authorization` is set, but an analysis needs none.", "Leave it out.");
  }
  return {
    asked: {
      mode,
      session: isLive ? { ...session, budgetUsd: budgetOf(budget) } : session,
      question: questionOf(question),
    },
    authorization: token === "" ? undefined : token,
  };
}

/** A pull request is proved: nothing of it is proposed again, and no outcome is recorded of it. */
function assertProvesAPull({ mode, dryRun }: { readonly mode: SessionMode; readonly dryRun: string }): void {
  if (mode !== "refinement") throw usage("A pull request is proved in the mode refinement.", "Set `mode: refinement`.");
  if (parseFlag("dry-run", dryRun || "false")) return;
  throw usage("A pull request is proved without writing anything.", "Set `dry-run: true`.");
}

function modeOf(text: string): SessionMode {
  const mode = SessionMode.safeParse(text || "analysis");
  if (mode.success) return mode.data;
  const near = nearest(text, SessionMode.options);
  throw usage(
    `\`mode: ${text}\` is no mode.`,
    near === undefined ? "Use `analysis` or `refinement`." : `Did you mean \`${near}\`?`,
  );
}

function sessionOf(text: string, folder: string): Asked["session"] {
  if (text === "") return null;
  if (text === "claude") return { kind: "claude", budgetUsd: null };
  const pull = parsePullSession(text);
  if (pull !== undefined) return { kind: "pull", ...pull };
  if (text.startsWith("pull:")) {
    throw usage(
      `\`session: ${text}\` names no pull request at a commit.`,
      "Write `pull:NUMBER@COMMIT` with all 40 digits of the commit that you looked at.",
    );
  }
  const file = /^replay:(.+)$/s.exec(text)?.[1];
  if (file === undefined) {
    throw usage(
      `\`session: ${text}\` is neither \`claude\`, \`replay:FILE\` nor \`pull:NUMBER@COMMIT\`.`,
      "Write one of them.",
    );
  }
  below(folder, file, "session");
  return { kind: "replay", file };
}

function budgetOf(text: string): number | null {
  if (text === "") return null;
  const usd = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (usd > 0 && usd <= 10_000) return usd;
  throw usage(`\`budget-usd: ${text}\` is no amount.`, "Write US dollars above 0, such as 1.50.");
}

function questionOf(text: string): string | null {
  if (text.trim() === "") return null;
  if (text.length <= LONGEST_QUESTION) return text;
  throw usage(`\`question\` has ${text.length} characters.`, `Ask in ${LONGEST_QUESTION} or fewer.`);
}
