import { describe, expect, test } from "@jest/globals";
import { answerInPlace } from "../../src/app/conversation.ts";
import type { RepositoryAccess } from "../../src/app/repository.ts";
import { readSections } from "../../src/app/sticky.ts";

type Host = RepositoryAccess["host"];

/** One comment per conversation that, as on GitHub, is read, changed and written whole, with time in between. */
function repository(owner = "octo") {
  const comments = new Map<number, string>();
  const at = { under: 0, most: 0, failing: new Set<number>() };
  const amend: Host["notes"]["amend"] = async (number, { change }) => {
    at.under += 1;
    at.most = Math.max(at.most, at.under);
    const standing = comments.get(number);
    for (let step = 0; step < 5; step += 1) await Promise.resolve();
    at.under -= 1;
    if (at.failing.delete(number)) throw new Error("GitHub is down");
    comments.set(number, change(standing));
    return { id: number, action: "updated" };
  };
  const host = { notes: { amend } } as unknown as Host;
  return { access: { host, owner, repo: "notes" }, comments, at };
}

const answer = (comment: number, conversation = 1) => ({ conversation, comment, body: `answer ${comment}` });

describe("answers that are written at the same time", () => {
  test("in one conversation lose nothing of one another", async () => {
    const { access, comments } = repository();
    await Promise.all([1, 2, 3].map((comment) => answerInPlace(access, answer(comment))));
    expect(readSections(comments.get(1) ?? "").map(({ key }) => key)).toEqual([3, 2, 1]);
  });

  test("in several conversations wait for nothing", async () => {
    const { access, at } = repository();
    await Promise.all([1, 2, 3].map((number) => answerInPlace(access, answer(number, number))));
    expect(at.most).toBe(3);
  });

  test("one that fails is told to whom it belongs, and holds nobody up", async () => {
    const { access, comments, at } = repository("Octo");
    at.failing.add(1);
    const both = [1, 2].map((comment) => answerInPlace(access, answer(comment)));
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(readSections(comments.get(1) ?? "").map(({ key }) => key)).toEqual([2]);
  });
});
