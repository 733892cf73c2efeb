import type { Annotation, PullRequest } from "../../github/host-port.ts";
import type { CommitSha } from "../../model/json.ts";
import type { Patch } from "../../protect/patch-form.ts";
import { CODEOWNERS_PATHS, ownersOf, parseCodeowners } from "../codeowners.ts";
import type { PullRequestFacts } from "../facts.ts";
import { formatPullRequest, parsePullRequest, type PullRequestText } from "../pull-request.ts";
import { describeStage, effectTable } from "../report.ts";
import type { WriteDeps, WriteRequest } from "./request.ts";

/** What is published: the committed change and what is said of it. */
export type Publication = {
  readonly branch: string;
  readonly base: string;
  readonly sha: CommitSha;
  readonly facts: PullRequestFacts;
  readonly patch: Patch;
};

/** What stands afterwards. */
export type Published = {
  readonly pull: Pick<PullRequest, "number" | "url">;
  readonly action: "created" | "updated" | "kept";
  /** Owners whom GitHub did not take as reviewers. */
  readonly refusedReviewers: readonly string[];
};

/** Name of the check run on the commit. */
const CHECK_NAME = "Whetstone validation";

/**
 * Pull request, labels, reviewers and check run, each exactly once however often this is run: what stands is looked up
 * first, and updated where it differs. A text that a person edited is left to that person while the facts are the same.
 * @throws WhetstoneError `api_failed`
 */
export async function publish(deps: WriteDeps, publication: Publication, request: WriteRequest): Promise<Published> {
  const { pulls } = deps.host;
  const { branch, base, facts } = publication;
  const text = formatPullRequest(facts);
  const standing = (await pulls.from(branch)).find(({ state }) => state === "open");
  const made = standing ?? (await pulls.create({ branch, base, ...text, draft: true }));
  const outdated = standing !== undefined && !says(standing, text);
  if (outdated) await pulls.edit(made.number, text);
  await label(deps, made, request.labels);
  const { refused } = await askOwners(deps, made, publication);
  await reportCheck(deps, publication, request);
  const action = standing === undefined ? "created" : outdated ? "updated" : "kept";
  return { pull: { number: made.number, url: made.url }, action, refusedReviewers: refused };
}

function says(standing: PullRequest, text: PullRequestText): boolean {
  if (standing.title === text.title && standing.body.trimEnd() === text.body.trimEnd()) return true;
  const said = parsePullRequest(standing);
  return said?.edited === true && JSON.stringify(said.facts) === JSON.stringify(parsePullRequest(text)?.facts);
}

async function label({ host }: WriteDeps, pull: PullRequest, labels: readonly string[]): Promise<void> {
  const lacking = labels.filter((one) => !pull.labels.includes(one));
  if (lacking.length > 0) await host.pulls.label(pull.number, lacking);
}

/** Owners who were asked or have reviewed are not asked again. */
async function askOwners(
  { host, forge }: WriteDeps,
  pull: PullRequest,
  { facts, patch }: Publication,
): Promise<{ readonly refused: readonly string[] }> {
  const paths = patch.files.flatMap(({ oldPath, newPath }) => [oldPath, newPath].filter((path) => path !== undefined));
  const owners = ownersOf(parseCodeowners(await codeowners(forge, facts.baseSha)), [...new Set(paths)]);
  const unasked = owners.filter((owner) => !pull.reviewers.includes(owner));
  if (unasked.length === 0) return { refused: [] };
  const reviewed = new Set((await host.pulls.reviews(pull.number)).map(({ user }) => user));
  // Who of a team has reviewed cannot be told: once anybody has, teams are left alone.
  const due = unasked.filter((owner) => (owner.includes("/") ? reviewed.size === 0 : !reviewed.has(owner)));
  return await host.pulls.askReview(pull.number, due);
}

/** The base's own file: a change cannot name its reviewers. */
async function codeowners(forge: WriteDeps["forge"], baseSha: CommitSha): Promise<string> {
  for (const path of CODEOWNERS_PATHS) {
    const bytes = await forge.read(baseSha, path);
    if (bytes !== undefined) return new TextDecoder().decode(bytes);
  }
  return "";
}

async function reportCheck(
  { host }: WriteDeps,
  { sha, facts, patch }: Publication,
  { artifact, links }: WriteRequest,
): Promise<void> {
  const stages = facts.stages.map(describeStage).join("\n");
  await host.checks.report({
    name: CHECK_NAME,
    sha,
    externalId: artifact.digest,
    conclusion: "success",
    title: `${facts.stages.length} stages passed; risk ${facts.risk.level}`,
    summary: `${stages}\n\n${effectTable(facts.effects)}\n`,
    url: links.run,
    annotations: annotationsOf(patch, facts),
  });
}

/** One remark per changed place. */
function annotationsOf({ files }: Patch, { hypothesis, target }: PullRequestFacts): readonly Annotation[] {
  const message = `Expected: ${hypothesis.metric} of ${hypothesis.operation} will ${hypothesis.direction}. Measured: see the check's summary.`;
  return files.flatMap(({ newPath, hunks }) =>
    hunks.flatMap(({ newStart, newLines }): readonly Annotation[] => {
      if (newPath === undefined) return [];
      const startLine = Math.max(1, newStart);
      const endLine = Math.max(startLine, newStart + newLines - 1);
      return [{ path: newPath, startLine, endLine, level: "notice", title: `Whetstone: ${target}`, message }];
    }),
  );
}
