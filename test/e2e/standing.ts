import { z } from "zod";
import type { GitHub } from "../support/github.ts";
import type { Dispatched } from "./act.ts";

const Pulls = z.array(
  z.object({
    number: z.number(),
    title: z.string(),
    body: z.string().nullable(),
    draft: z.boolean(),
    state: z.string(),
    head: z.object({ ref: z.string(), sha: z.string() }),
  }),
);

/** What stands on GitHub. */
export type OnGitHub = {
  readonly pulls: z.output<typeof Pulls>;
  readonly branches: readonly string[];
  /** Titles of open issues. */
  readonly issues: readonly string[];
  /** Outcomes and ledger on the branch whetstone/state. */
  readonly state: Readonly<Record<string, string>>;
};

/** How a run ended, and what stood afterwards. */
export type Standing = OnGitHub & Dispatched;

/** Asks the counterpart itself. */
export async function standing({ backend }: GitHub): Promise<OnGitHub> {
  const pulls = Pulls.parse((await backend.ask("GET", "pulls?state=all")).data);
  const branches = z.array(z.object({ name: z.string() })).parse((await backend.ask("GET", "branches")).data);
  const listed = z
    .array(z.object({ title: z.string(), pull_request: z.unknown().optional() }))
    .parse((await backend.ask("GET", "issues?state=open")).data);
  const issues = listed.filter((issue) => (issue.pull_request ?? null) === null).map(({ title }) => title);
  const state = await backend.files("whetstone/state");
  return { pulls, branches: branches.map(({ name }) => name), issues, state };
}

/** Process time that a whole run without a model may use, with the sample's servers and checks. */
const MOST_SECONDS = 20;

/** One thing that should be so, and whether it is. */
export type Expectation = { readonly what: string; readonly holds: boolean };

/** Statuses of all recorded outcomes, sorted. */
export const statuses = ({ state }: OnGitHub): string[] =>
  Object.entries(state)
    .filter(([path]) => path.startsWith("outcomes/"))
    .map(([, file]) => textOf(file))
    .map((text) => z.object({ status: z.string() }).parse(JSON.parse(text)).status)
    .toSorted();

/** The files of a branch come with mode and text. */
export function textOf(file: unknown): string {
  return typeof file === "string" ? file.replace(/^\d{6} /, "") : String(Reflect.get(Object(file), "text"));
}

const proposals = ({ branches }: OnGitHub): readonly string[] =>
  branches.filter((name) => name.startsWith("whetstone/proposal/"));

/** What the three stories should leave behind. */
export function expectations(
  runs: Readonly<Record<"first" | "again" | "rejected" | "stranger", Standing>>,
): Expectation[] {
  const { first, again, rejected, stranger } = runs;
  const [pull] = first.pulls;
  const is = (what: string, holds: boolean): Expectation => ({ what, holds });
  return [
    is("the first run is green", first.code === 0),
    is(`all its jobs together use at most ${MOST_SECONDS} s of process time`, first.cpuSeconds <= MOST_SECONDS),
    is("it leaves one pull request, a draft", first.pulls.length === 1 && pull?.draft === true),
    is("from the one branch of the proposal", proposals(first).length === 1 && pull?.head.ref === proposals(first)[0]),
    is("whose body shows before and after", /p50/.test(pull?.body ?? "") && (pull?.body ?? "").includes("%")),
    is("and whose outcome is recorded as proposed", statuses(first).join() === "proposed"),
    is("a second run with the same change is green", again.code === 0),
    is("and doubles nothing", again.pulls.length === 1 && proposals(again).length === 1),
    is("nor moves the branch", again.pulls[0]?.head.sha === pull?.head.sha),
    is("a change that answers otherwise makes the run red", rejected.code !== 0),
    is("opens no pull request", rejected.pulls.length === 1 && proposals(rejected).length === 1),
    is("opens the target's issue", first.issues.length + again.issues.length === 0 && rejected.issues.length === 1),
    is("and is recorded as rejected", statuses(rejected).includes("rejected")),
    is("nobody starts a run who may not write to the repository", stranger.code !== 0),
    is("and nothing of it is an outcome", statuses(stranger).length === statuses(rejected).length),
    is("but it is on record", ledgerLines(rejected) < ledgerLines(stranger)),
    is("by a ledger that grew with every run", ledgerLines(first) < ledgerLines(again)),
  ];
}

function ledgerLines({ state }: OnGitHub): number {
  const segments = Object.entries(state).filter(([path]) => /^ledger\/.*\.ndjson$/.test(path));
  return segments.reduce((lines, [, file]) => lines + textOf(file).split("\n").length, 0);
}
