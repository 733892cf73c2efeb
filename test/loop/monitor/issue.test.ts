import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import type { Notes } from "../../../src/github/host-port.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import { keepAlertIssue, type Kept, type Told } from "../../../src/loop/monitor/issue.ts";
import { outgoingFaults } from "../../../src/propose/outgoing.ts";
import fc from "../../support/fast-check.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, type GitHub } from "../../support/github.ts";
import { alert } from "./seen.ts";
import { outgoingText } from "../../support/outgoing.ts";

const URL = "https://github.test/octo-org/notes/actions/runs/7";
const told = (alerts: Told["alerts"], more: Partial<Told> = {}): Told => ({
  target: "notes",
  alerts,
  at: "2026-11-20T10:00:00.000Z",
  looked: "40 traces from then to now.",
  url: URL,
  ...more,
});
const Issues = z.array(z.object({ number: z.number(), title: z.string(), state: z.string(), body: z.string() }));
const Comments = z.array(z.object({ body: z.string() }));

describe("the issue of a target", () => {
  let github: GitHub;
  let target = "";
  beforeAll(async () => {
    github = await startGitHub();
  });
  afterAll(async () => {
    await github[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    target = `${target}n`;
  });
  const keep = (alerts: Told["alerts"], more: Partial<Told> = {}): Promise<Kept> => {
    const client = github.client();
    return keepAlertIssue(openRestHost({ owner: OWNER, repo: REPO, client, self: BOT_LOGIN }).notes, {
      ...told(alerts, more),
      target,
    });
  };
  const standing = async (number: number | undefined) =>
    Issues.parse((await github.backend.ask("GET", "issues?state=all")).data).find((issue) => issue.number === number);
  const comments = async (number: number | undefined): Promise<string[]> =>
    Comments.parse((await github.backend.ask("GET", `issues/${number}/comments`)).data).map(({ body }) => body);
  const writesSince = (mark: number): string[] =>
    github.requests.slice(mark).filter((request) => !request.startsWith("GET"));

  test("is opened by the first alert and names it", async () => {
    const first = await keep([alert("a", { traceId: "f".repeat(32) })]);
    expect(first).toMatchObject({ action: "opened", fresh: [{ key: "a".repeat(16) }] });
    const issue = await standing(first.number);
    expect(issue).toMatchObject({ state: "open", title: `Whetstone: ${target} needs a look` });
    expect(issue?.body).toMatch(/\| major \| something about a Trace `f{32}`\. \| 2026-11-20T10:00:00\.000Z \|/);
  });

  test("is not written while the same alerts stand, whatever their numbers and the time", async () => {
    await keep([alert("a"), alert("b")]);
    const mark = github.requests.length;
    const again = await keep([alert("b"), alert("a", { text: "other numbers" })], { at: "2026-11-21T10:00:00.000Z" });
    expect([again.action, again.fresh]).toEqual(["kept", []]);
    expect(writesSince(mark)).toEqual([]);
  });

  test("tells what is new in one comment, and keeps since when the others stand", async () => {
    const { number } = await keep([alert("a")]);
    const more = await keep([alert("a"), alert("b")], { at: "2026-11-21T10:00:00.000Z" });
    expect(more).toMatchObject({ action: "updated", number, fresh: [{ key: "b".repeat(16) }] });
    const [news, ...others] = await comments(number);
    expect(others).toEqual([]);
    expect(news).toContain("something about b");
    expect(news).not.toContain("something about a");
    const body = (await standing(number))?.body ?? "";
    expect(body).toMatch(/about a \| 2026-11-20T[^]*about b \| 2026-11-21T/);
    const mark = github.requests.length;
    await keep([alert("a"), alert("b")]);
    expect(writesSince(mark)).toEqual([]);
  });

  test("forgets what is gone without a word; what comes back is not told twice", async () => {
    const { number } = await keep([alert("a")]);
    await keep([alert("a"), alert("b")]);
    expect(await keep([alert("a")])).toMatchObject({ action: "updated", fresh: [] });
    expect((await standing(number))?.body).not.toContain("something about b");
    await keep([alert("a"), alert("b")]);
    expect(await comments(number)).toHaveLength(1);
  });

  test("says that it is over and closes, once; then a new alert opens another", async () => {
    const { number } = await keep([alert("a")]);
    expect(await keep([])).toEqual({ action: "closed", number, fresh: [] });
    expect((await standing(number))?.state).toBe("closed");
    expect(await comments(number)).toEqual([expect.stringMatching(/Over at 2026-11-20T10:00:00\.000Z: none of this/)]);
    const mark = github.requests.length;
    expect(await keep([])).toEqual({ action: "none", fresh: [] });
    expect(writesSince(mark)).toEqual([]);
    const next = await keep([alert("a")]);
    expect([next.action, next.number === number]).toEqual(["opened", false]);
  });

  test("one that somebody rewrote is written anew", async () => {
    const { number } = await keep([alert("a")]);
    const body = (await standing(number))?.body ?? "";
    const first = body.split("\n")[0] ?? "";
    await github.backend.ask("PATCH", `issues/${number}`, { body: `${first}\n<!-- whetstone:alerts {"x":1} -->\nhi` });
    expect(await keep([alert("a")])).toMatchObject({ action: "updated", number });
    expect((await standing(number))?.body).toContain("something about a");
  });

  test.each(["before", "after"] as const)(
    "a cut %s a write is made good by the next look, exactly once",
    async (when) => {
      const { number } = await keep([alert("a")]);
      for (const broken of [/^POST issues\/\d+\/comments$/, /^PATCH issues\/\d+$/]) {
        github.bend((request) => (broken.test(request) ? { when, reply: "cut" } : undefined));
        await keep([alert("a"), alert("b")]).catch(() => undefined);
      }
      github.bend(undefined);
      await keep([alert("a"), alert("b")]);
      expect((await comments(number)).filter((body) => body.includes("something about b"))).toHaveLength(1);
      expect((await standing(number))?.body).toContain("something about b");
    },
  );

  test("every request is one that GitHub describes", () => {
    expect(github.requests.length).toBeGreaterThan(20);
    expect(github.violations).toEqual([]);
  });
});

test("nothing that an alert says sends anything out, in whatever it is told", async () => {
  await fc.assert(
    fc.asyncProperty(outgoingText, outgoingText, fc.boolean(), async (text, target, stands) => {
      const texts: string[] = [];
      const keepText = async (note: { readonly title?: string; readonly body: string }) => {
        texts.push(note.body, ...(note.title === undefined ? [] : [note.title]));
        return { id: 1, action: "created" } as const;
      };
      const notes: Notes = {
        issue: keepText,
        comment: (_, note) => keepText(note),
        amend: () => Promise.reject(new Error("not used")),
        react: () => Promise.reject(new Error("not used")),
        standing: async () => (stands ? { number: 1, body: "" } : undefined),
        closeIssue: async () => true,
      };
      await keepAlertIssue(notes, told([alert("a", { text })], { target, looked: text }));
      await keepAlertIssue(notes, told([], { target, looked: text }));
      for (const sent of texts) expect(outgoingFaults(sent, { urls: [URL], longest: 65_536 })).toEqual([]);
    }),
  );
});
