import { z } from "zod";
import { openRestState } from "../../src/github/rest-state.ts";
import { askedRunFile } from "../../src/protect/asked-runs.ts";
import { systemClock } from "../../src/wire.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO } from "../support/github.ts";
import { type Expectation, type Standing, statuses, textOf } from "./standing.ts";

/** A pull request of Whetstone into which somebody pushed, and the comment that asks for its proof. */
export type Edited = { readonly number: number; readonly headSha: string };

const COMMENT = 4_711;

/** Pushes into the pull request of a proposal, and puts the App's wish for a run on record. */
export async function edited(github: GitHub, pull: Standing["pulls"][number], run: number): Promise<Edited> {
  const { backend } = github;
  const files = await backend.files(pull.head.ref);
  const work = `${files["src/work.mjs"] ?? ""}// read by people\n`;
  const headSha = await backend.commit(pull.head.ref, { ...files, "src/work.mjs": work });
  const asked = askedRunFile({
    schema: "whetstone.asked-run/1",
    comment: COMMENT,
    conversation: pull.number,
    word: "validate",
    target: "sample",
    by: { type: "person", id: "ada" },
    app: BOT_LOGIN,
    at: "2026-11-20T10:00:00.000Z",
    workflow: "whetstone.yml",
    inputs: {},
    permission: null,
    run,
    loop: null,
  });
  const state = openRestState({ owner: OWNER, repo: REPO, octokit: github.client(), now: systemClock.now });
  await state.update("a wish", async () => ({ change: new Map([asked]), value: undefined }));
  return { number: pull.number, headSha };
}

const Found = z.object({ verdict: z.string(), headSha: z.string(), comment: z.number(), patchDigest: z.string() });

/** What the proof of the pull request leaves: its verdict for the App, and nothing else. */
export function pullExpectations(before: Standing, after: Standing, { number, headSha }: Edited): Expectation[] {
  const is = (what: string, holds: boolean): Expectation => ({ what, holds });
  const path = `app/validations/${number}.json`;
  const text = after.state[path];
  const found = Found.safeParse(text === undefined ? undefined : JSON.parse(textOf(text))).data;
  const added = Object.keys(after.state).filter((name) => before.state[name] === undefined);
  return [
    is("a pull request is proved as people left it", after.code === 0 && found?.verdict === "pass"),
    is("at just that commit, for just that comment", found?.headSha === headSha && found.comment === COMMENT),
    is(
      "no branch and no pull request comes of it",
      same(before.branches, after.branches) && before.pulls.length === after.pulls.length,
    ),
    is("and nothing is recorded of it", statuses(before).join() === statuses(after).join()),
    is("but what was asked and the answer", same(added, ["app/runs/4711.json", path])),
  ];
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}
