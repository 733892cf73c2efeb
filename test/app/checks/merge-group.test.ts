import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { AppEvent } from "../../../src/app/handler.ts";
import { mergeGroup } from "../../../src/app/checks/merge-group.ts";
import { payloadOf } from "../../support/github-webhooks.ts";
import { type Gated, startGated } from "../gate/gated.ts";

nock.restore();

const MINUTE = 60_000;
const GOOD = [
  { arm: "baseline", calls: 250, failing: 20 },
  { arm: "canary", calls: 250, failing: 20 },
] as const;
const HARM = [
  { arm: "baseline", calls: 600, failing: 50 },
  { arm: "canary", calls: 600, failing: 4 },
] as const;

/** Commits on top of the default branch, one for each title, as a merge queue makes them; the last one's id. */
async function stacked({ github }: Gated, titles: readonly string[]): Promise<string> {
  const { base, backend } = github;
  const { data } = await backend.ask("GET", `git/commits/${base}`);
  const tree = String(Reflect.get(Object(Reflect.get(Object(data), "tree")), "sha"));
  let parent = base;
  for (const message of titles) {
    const made = await backend.ask("POST", "git/commits", { message, tree, parents: [parent] });
    parent = String(Reflect.get(Object(made.data), "sha"));
  }
  return parent;
}

/** What the queue asks for a group of pull requests; `ref`: the branch of the group's last one. */
function askedFor(place: Gated, sha: string, ref: string): Pick<AppEvent, "name" | "payload"> {
  const group = { head_sha: sha, base_sha: place.github.base, head_ref: `refs/heads/gh-readonly-queue/main/${ref}` };
  return {
    name: "merge_group.checks_requested",
    payload: payloadOf("merge_group.checks_requested", { merge_group: group }),
  };
}

const shown = async (place: Gated, sha: string) =>
  (await place.repository.host.checks.on(sha)).map(({ name, status, conclusion }) => [name, conclusion ?? status]);
const titleOn = async ({ github }: Gated, sha: string): Promise<string> => {
  const { data } = await github.backend.ask("GET", `commits/${sha}/check-runs`);
  const [run] = Reflect.get(Object(data), "check_runs") as { output: { title: string; summary: string } }[];
  return `${run?.output.title}\n${run?.output.summary}`;
};

/** Handles the question and says what stands on the group's commit; the queue asks about `pulls`, the last one by its branch. */
async function answer(place: Gated, { titles, ref }: { readonly titles: readonly string[]; readonly ref: string }) {
  const sha = await stacked(place, titles);
  const event = askedFor(place, sha, ref);
  const handled = await mergeGroup.handle(place.contextOf(event));
  return { sha, event, handled, checks: await shown(place, sha) };
}

describe("a merge queue that asks for checks", () => {
  test("is told at once that a group holds nothing of Whetstone, however often it asks", async () => {
    await using place = await startGated();
    const { sha, event, handled, checks } = await answer(place, { titles: ["Something (#99)"], ref: `pr-99-${SHA}` });
    expect(handled).toEqual({ kind: "done" });
    expect(checks).toEqual([["Whetstone canary", "success"]]);
    expect(await titleOn(place, sha)).toContain("No pull request of Whetstone in this group");
    await mergeGroup.handle(place.contextOf(event));
    expect(await shown(place, sha)).toHaveLength(1);
    expect(place.github.violations).toEqual([]);
  });

  test("waits while a canary is watched, and is told then what it showed", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    const { sha, event, handled, checks } = await answer(place, {
      titles: [`Merge pull request #${place.pull} from x`],
      ref: `pr-${place.pull}-${SHA}`,
    });
    expect(handled).toEqual({ kind: "again", at: Number(place.clock.now() / 1_000_000n) + MINUTE });
    expect(checks).toEqual([["Whetstone canary", "in_progress"]]);
    for (let minute = 0; minute < 12; minute += 1) {
      await place.minute(...GOOD);
      await place.tasksOnce();
    }
    expect(await mergeGroup.handle(place.contextOf(event))).toEqual({ kind: "done" });
    expect(await shown(place, sha)).toEqual([["Whetstone canary", "success"]]);
    expect(await titleOn(place, sha)).toContain(`#${place.pull}: approved: errors_within_margin`);
    expect(place.github.violations).toEqual([]);
  });

  test("is refused a group with a pull request that does harm, wherever in the group it stands", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    await place.minute(...HARM);
    await place.tasksOnce();
    for (const title of [`T (#${place.pull})`, `Merge pull request #${place.pull} from a/b\n\nT`]) {
      const { checks } = await answer(place, { titles: [title, "Another (#99)"], ref: `pr-99-${SHA}` });
      expect(checks).toEqual([["Whetstone canary", "failure"]]);
    }
  });

  test("is refused a group whose unwatched pull request of Whetstone bears the title of another one's merge", async () => {
    await using place = await startGated();
    const own = `(#${place.pull})`;
    for (const title of [
      `Merge pull request #98 from a/b ${own}`,
      `Merge pull request #${place.pull} from a/b (#98)`,
    ]) {
      const { checks } = await answer(place, { titles: [title, "Another (#99)"], ref: `pr-99-${SHA}` });
      expect(checks).toEqual([["Whetstone canary", "action_required"]]);
    }
  });

  test("is not passed a pull request of Whetstone that was never watched, or only before its last commit", async () => {
    await using place = await startGated();
    const ref = `pr-${place.pull}-${SHA}`;
    const { sha, checks } = await answer(place, { titles: ["Whatever"], ref });
    expect(checks).toEqual([["Whetstone canary", "action_required"]]);
    expect(await titleOn(place, sha)).toContain("never watched");
    await place.handle(place.waitingRun());
    for (let minute = 0; minute < 12; minute += 1) {
      await place.minute(...GOOD);
      await place.tasksOnce();
    }
    const before = await answer(place, { titles: ["Watched"], ref });
    expect(before.checks).toEqual([["Whetstone canary", "success"]]);
    await place.github.backend.commit(`whetstone/proposal/notes/${"c".repeat(12)}`, { "a.ts": "3\n" });
    const after = await answer(place, { titles: ["Changed"], ref });
    expect(after.checks).toEqual([["Whetstone canary", "action_required"]]);
  });

  test("is answered for the last time when no queue waits any longer", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    const { sha, event } = await answer(place, { titles: ["T"], ref: `pr-${place.pull}-${SHA}` });
    const context = place.contextOf(event);
    place.clock.advance(360 * MINUTE);
    expect(await mergeGroup.handle({ ...context, event: context.event })).toEqual({ kind: "done" });
    expect(await shown(place, sha)).toEqual([["Whetstone canary", "timed_out"]]);
  });

  test.each([
    ["a branch of another form", "odd"],
    ["a number that no pull request has", `pr-4294967295-${"a".repeat(40)}`],
  ])("names nothing of Whetstone by %s", async (_, ref) => {
    await using place = await startGated();
    const { checks } = await answer(place, { titles: ["T (#0)", "(#x)"], ref });
    expect(checks).toEqual([["Whetstone canary", "success"]]);
  });
});

const SHA = "9".repeat(40);
