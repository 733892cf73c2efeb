import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { readAskedRun } from "../../../src/protect/asked-runs.ts";
import { waitingCommand } from "../../../src/app/approval/waiting.ts";
import { configured } from "../proposed.ts";
import { type Said, startTalk, type Talk } from "../talk.ts";

nock.restore();

const GRACE: Said = { user: { id: 4, login: "grace", type: "User" } };
const workflow = 'run-name: "request-${{ inputs.request }}"\non: workflow_dispatch\n';
let talk: Talk;
beforeEach(async () => {
  const files = configured("protection: { twoPerson: true }\napp: { bots: [77] }\n");
  talk = await startTalk({ ...files, ".github/workflows/whetstone.yml": workflow });
});
afterEach(async () => {
  expect(talk.github.violations).toEqual([]);
  await talk[Symbol.asyncDispose]();
});

const dispatched = () => talk.github.backend.actions.dispatched;
/** Asks for a refinement as ada; the id that waits. */
async function waiting(said: Said = {}): Promise<string> {
  const { answer } = await talk.say("/whetstone refine", said);
  return /approve (a-[0-9TZ]+-[0-9a-f]+)/.exec(answer.replaceAll("\\", ""))?.[1] ?? "";
}
const refused = async (text: string, said: Said, message: string): Promise<void> => {
  const { reactions, answer } = await talk.say(text, said);
  expect(reactions).toEqual(["eyes", "confused"]);
  expect(answer.split("<!-- /whetstone:section -->")[0]?.replaceAll("\\", "")).toContain(message);
  expect(dispatched()).toEqual([]);
};

describe("what waits for a second person", () => {
  test("is listed where it waits, with risk and who may permit it", async () => {
    const id = await waiting();
    const { answer } = await talk.say("/whetstone approve", GRACE);
    expect(answer).toContain(`- \`${id}\`: session.refine of notes`);
    const table = (await talk.standing()).find((body) => body.startsWith("<!-- whetstone:authorizations -->")) ?? "";
    expect(table).toContain("medium");
    expect(table).toContain("role operator (permission write");
    expect(table).toContain("except ada");
    expect((await talk.say("/whetstone status")).answer).toContain("Waits for the permission of another person");
  });

  test("is refused to somebody without the role, and stays free for others", async () => {
    const id = await waiting();
    const mallory = { user: { id: 2, login: "mallory", type: "User" } };
    expect((await talk.say(`/whetstone approve ${id}`, mallory)).reactions).toEqual(["-1"]);
    await refused(
      `/whetstone approve ${id}`,
      { user: { id: 77, login: "helper[bot]", type: "Bot" } },
      "only a person can",
    );
    const { data } = await talk.github.backend.ask("POST", "issues", { title: "other" });
    const on = Number(Reflect.get(Object(data), "number"));
    await refused(`/whetstone approve ${id}`, { ...GRACE, on, isPull: false }, "was asked for in number 1");
    expect((await talk.say(`/whetstone approve ${id}`, GRACE)).reactions).toEqual(["eyes", "rocket"]);
  });

  test("an unknown one, an altered id and one of the command line are refused", async () => {
    const id = await waiting();
    await refused(
      `/whetstone approve ${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`,
      GRACE,
      "is on record in this repository",
    );
    await talk.repository.state.update("lost", async () => ({
      change: new Map([[`app/waiting/${id}.json`, null]]),
      value: undefined,
    }));
    await refused(`/whetstone approve ${id}`, GRACE, "whetstone authorize grant");
  });

  test("expires", async () => {
    const id = await waiting();
    talk.clock.advance(31 * 60_000);
    await refused(`/whetstone approve ${id}`, GRACE, "expired at");
    expect((await talk.standing()).join("\n")).toContain("| expired |");
  });

  test("is not done for somebody who lost the right to ask for it, and can be permitted again later", async () => {
    const id = await waiting();
    talk.github.backend.people.permissions.set("ada", "read");
    await refused(`/whetstone approve ${id}`, GRACE, "has the permission read now");
    talk.github.backend.people.permissions.set("ada", "write");
    expect((await talk.say(`/whetstone approve ${id}`, GRACE)).reactions).toEqual(["eyes", "rocket"]);
  });

  test("is not done when the default branch moved on: it was about another commit", async () => {
    const id = await waiting();
    await talk.github.backend.commit("main", { ...configured("protection: { twoPerson: true }\n"), "b.ts": "1" });
    await refused(`/whetstone approve ${id}`, GRACE, "is no longer what session.refine would change now");
  });

  test("two people who agree at the same time start one run", async () => {
    const id = await waiting();
    talk.github.backend.people.permissions.set("linus", "write");
    const others = [GRACE, { user: { id: 9, login: "linus", type: "User" } }];
    await Promise.all(
      others.map((said, index) => talk.say(`/whetstone approve ${id}`, { ...said, comment: 500 + index })),
    );
    expect(dispatched()).toHaveLength(1);
  });

  test("a bot's command waits for a person", async () => {
    const id = await waiting({ user: { id: 77, login: "helper[bot]", type: "Bot" } });
    expect(await waitingCommand(await talk.repository.state.view(), id)).toMatchObject({ by: { type: "bot" } });
    await talk.say(`/whetstone approve ${id}`, { ...GRACE, comment: 900 });
    expect(await readAskedRun(await talk.repository.state.view(), 900)).toMatchObject({ by: { id: "helper[bot]" } });
  });

  test("an approval that is cut off anywhere is completed by its next attempt, once", async () => {
    const isWrite = (request: string) => !request.startsWith("GET ");
    for (let cut = 2; cut <= 26; cut += 12) {
      const id = await waiting({ comment: 2_000 + cut });
      let seen = 0;
      talk.github.bend((request) => {
        if (!isWrite(request)) return undefined;
        seen += 1;
        return seen >= cut ? { when: seen === cut ? "after" : "before", reply: "cut" } : undefined;
      });
      const before = dispatched().length;
      const said = { ...GRACE, comment: 3_000 + cut };
      await talk.say(`/whetstone approve ${id}`, said).catch(() => undefined);
      talk.github.bend(undefined);
      const again = () => talk.say(`/whetstone approve ${id}`, { ...said, event: { attempt: 2 } });
      await again().catch(() => talk.clock.advance(121_000));
      expect((await again()).reactions.at(-1)).toBe("rocket");
      expect(dispatched().slice(before)).toHaveLength(1);
    }
  });
});
