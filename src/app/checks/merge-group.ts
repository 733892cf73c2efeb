import type { CommitSha } from "../../model/json.ts";
import { MergeGroupDelivery } from "../delivery.ts";
import { type GateRecord, gatesOfPull } from "../gate/record.ts";
import { gateStage } from "../gate/show.ts";
import { decisionLine } from "../gate/text.ts";
import type { EventHandler, HandlerContext } from "../handler.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { appSettings } from "../repository.ts";
import { showStage, type StageState } from "./stage-check.ts";

/** A group of a merge queue: the commit that would be merged, and the one that it stands on. */
type MergeGroup = { readonly sha: CommitSha; readonly base: CommitSha; readonly ref: string };

/** What is known of one pull request of Whetstone in a group. */
type Member = { readonly pull: number; readonly state: StageState; readonly said: string };

/** A merge queue takes a check that has not answered for as long for failed: GitHub's longest setting, ms. */
const LONGEST_WAIT_MS = 360 * 60_000;

/**
 * Answers a merge queue that asks for checks. A repository that requires `Whetstone canary` waits for it on the commit of
 * the group, which is none of a pull request: there it says what it says of the group's pull requests of Whetstone, and
 * passes a group without any. What is not decided is asked again.
 */
export const mergeGroup: EventHandler = {
  events: ["merge_group.checks_requested"],
  handle: async (context) => {
    const {
      head_sha: sha,
      base_sha: base,
      head_ref: ref,
    } = MergeGroupDelivery.parse(context.event.payload).merge_group;
    const group: MergeGroup = { sha, base, ref };
    const members = await membersOf(context, group);
    const nowMs = Number(context.clock.now() / 1_000_000n);
    const isOver = nowMs - context.event.receivedAt >= LONGEST_WAIT_MS;
    const waits = members.some(({ state }) => state === "in_progress");
    await show(context, group, isOver ? members.map(asLate) : members);
    if (!waits || isOver) return { kind: "done" };
    const { gate } = await appSettings(context.repository);
    return { kind: "again", at: nowMs + gate.lookSeconds * 1_000 };
  },
};

function asLate(member: Member): Member {
  return member.state === "in_progress" ? { ...member, state: "timed_out" } : member;
}

/** Worst first: a group passes when each of its pull requests does. GitHub lets pass what is neutral, too. */
const ORDER = ["failure", "timed_out", "cancelled", "action_required", "in_progress", "neutral", "success"] as const;

async function show(
  { repository }: HandlerContext,
  { sha, ref }: MergeGroup,
  members: readonly Member[],
): Promise<void> {
  const state = ORDER.find((one) => members.some((member) => member.state === one)) ?? "success";
  const lines = members.map(({ pull, said }) => `- #${pull}: ${said}`);
  await showStage(repository, {
    sha,
    stage: "canary",
    about: `group/${lastPull(ref) ?? 0}`,
    state,
    title: members.length === 0 ? "No pull request of Whetstone in this group" : titleOf(state, members),
    summary: [
      "What stands here is what the canaries of the pull requests in this group of the merge queue showed.",
      lines.join("\n"),
    ]
      .filter((part) => part !== "")
      .join("\n\n"),
  });
}

function titleOf(state: StageState, members: readonly Member[]): string {
  const those = members.filter((member) => member.state === state).map(({ pull }) => `#${pull}`);
  return `${state.replaceAll("_", " ")}: ${those.join(", ")}`;
}

/** The pull requests of Whetstone in a group, each with what its canary showed. */
async function membersOf(context: HandlerContext, group: MergeGroup): Promise<readonly Member[]> {
  const { repository } = context;
  const members: Member[] = [];
  for (const pull of await pullsOf(context, group)) {
    const proposal = await proposalOfPull(repository, pull);
    // What is merged is in no queue: another one may name it in its title.
    if (proposal === undefined || proposal.pull.merged) continue;
    const gates = await gatesOfPull(await repository.state.view(), pull);
    const own = gates.filter(({ sha }) => sha === proposal.pull.headSha);
    const latest = own.toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0];
    members.push({ pull, ...verdictOf(latest) });
  }
  return members;
}

function verdictOf(gate: GateRecord | undefined): Omit<Member, "pull"> {
  if (gate === undefined) return { state: "action_required", said: "its head was never watched as a canary." };
  const state = gateStage(gate);
  if (gate.decision === null) return { state, said: state === "in_progress" ? "its canary is watched." : `${state}.` };
  return { state, said: `${gate.decision.state}: ${decisionLine(gate.decision)}.` };
}

/** Commits of a group that are looked at; GitHub groups at most 100 pull requests. */
const MOST_COMMITS = 100;

/** How the title of a commit names its pull request: of a merge, and of one that is squashed or merged under its title. */
const TITLES = [/^Merge pull request #(\d{1,10})\b/, /\(#(\d{1,10})\)$/] as const;

/** The pull requests that a group names: in its branch, and in its merges, whose messages name them. */
async function pullsOf({ repository }: HandlerContext, { sha, base, ref }: MergeGroup): Promise<readonly number[]> {
  const named = new Set<number>();
  const last = lastPull(ref);
  if (last !== undefined) named.add(last);
  let at: CommitSha | undefined = sha;
  for (let seen = 0; at !== undefined && at !== base && seen < MOST_COMMITS; seen += 1) {
    const commit = await repository.history.commit(at);
    const title = titleLine(commit);
    // Both: whoever gives a pull request the title of another one's merge would else hide it behind that.
    for (const form of TITLES) {
      const number = Number(form.exec(title)?.[1] ?? 0);
      if (number > 0) named.add(number);
    }
    at = commit?.parents[0];
  }
  return [...named].toSorted((a, b) => a - b);
}

function titleLine(commit: { readonly message: string } | undefined): string {
  return commit?.message.split("\n", 1)[0]?.trimEnd() ?? "";
}

/** The pull request that a branch of a merge queue is of. */
function lastPull(ref: string): number | undefined {
  const number = /\/pr-([1-9]\d{0,9})-[0-9a-f]{40,64}$/.exec(ref)?.[1];
  return number === undefined ? undefined : Number(number);
}
