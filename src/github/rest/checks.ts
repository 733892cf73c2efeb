import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import type {
  Annotation,
  CheckAction,
  CheckReport,
  Checks,
  CheckText,
  RunningCheck,
  StandingCheck,
  Written,
} from "../host-port.ts";
import { callGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { fitBody, LONGEST_SUMMARY } from "./body.ts";
import { createOnce } from "./create-once.ts";

const CHECKS = "/repos/{owner}/{repo}/check-runs";
/** Annotations that GitHub takes in one request; further requests append. */
const BATCH = 50;
/** Limits of an annotation: characters of its title, bytes of its message. */
const LONGEST = { title: 255, message: 64_000 } as const;

/** Most buttons, and characters of their parts. */
const ACTIONS = { most: 3, label: 20, description: 40, identifier: 20 } as const;

const Run = z.object({
  id: z.number(),
  name: z.string(),
  external_id: z.string().nullish(),
  status: z.string(),
  conclusion: z.string().nullish(),
  app: z.object({ slug: z.string() }).nullish(),
  output: z.object({
    title: z.string().nullish(),
    summary: z.string().nullish(),
    text: z.string().nullish(),
    annotations_count: z.number(),
  }),
});
type Run = z.output<typeof Run>;

/** Check runs over REST. */
export function restChecks(repository: RestRepository): Checks {
  return {
    report: (check) => report(repository, check),
    on: async (sha) => (await listRuns(repository, sha, {})).map(standing),
  };
}

function standing({ id, name, external_id, status, conclusion, app }: Run): StandingCheck {
  const about = { id, name, externalId: external_id ?? "" };
  return { ...about, status, conclusion: conclusion ?? undefined, app: app?.slug ?? "" };
}

function listRuns(
  { client, owner, repo }: RestRepository,
  sha: string,
  query: Record<string, string>,
): Promise<readonly Run[]> {
  const route = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs";
  const parameters = { owner, repo, ref: sha, filter: "latest", ...query };
  return listOnGitHub(client, { route, parameters, answer: Run }, "check_runs");
}

async function report(repository: RestRepository, check: CheckReport | RunningCheck): Promise<Written> {
  const { client, owner, repo } = repository;
  const { name, sha, externalId } = check;
  const state = stateOf(check);
  const head = headOf(check);
  const annotations = check.annotations.map(toRest);
  const { value, made } = await createOnce({
    find: async () => {
      const runs = await listRuns(repository, sha, { check_name: name });
      return runs.find(({ external_id }) => external_id === externalId);
    },
    create: () => {
      const output = { ...head, annotations: annotations.slice(0, BATCH) };
      const parameters = { owner, repo, name, head_sha: sha, ...state, output };
      return callGitHub(client, { route: `POST ${CHECKS}`, parameters, answer: Run });
    },
  });
  const patch = async (output: Record<string, unknown>): Promise<void> => {
    const parameters = { owner, repo, check_run_id: value.id, ...state, output };
    await callGitHub(client, { route: `PATCH ${CHECKS}/{check_run_id}`, parameters, answer: Run });
  };
  // An earlier run may have been cut off between two batches: what is there stays, the rest follows.
  const there = value.output.annotations_count;
  for (let at = there; at < annotations.length; at += BATCH) {
    await patch({ ...head, annotations: annotations.slice(at, at + BATCH) });
  }
  if (made) return { id: value.id, action: "created" };
  if (showsAlike(value, check, head) && there >= annotations.length) return { id: value.id, action: "kept" };
  if (there >= annotations.length) await patch(head);
  return { id: value.id, action: "updated" };
}

type Head = { readonly title: string; readonly summary: string; readonly text?: string };

function headOf({ title, summary, text }: CheckText): Head {
  const head = { title, summary: fitBody(summary, LONGEST_SUMMARY) };
  return text === undefined ? head : { ...head, text: fitBody(text, LONGEST_SUMMARY) };
}

function stateOf(check: CheckReport | RunningCheck): Readonly<Record<string, unknown>> {
  const { externalId, url, actions } = check;
  if (actions !== undefined) assertActions(actions);
  return {
    ...("status" in check ? { status: check.status } : { status: "completed", conclusion: check.conclusion }),
    external_id: externalId,
    ...(url === undefined ? {} : { details_url: url }),
    ...(actions === undefined ? {} : { actions }),
  };
}

/** GitHub does not tell which buttons stand; they follow from what it tells. */
function showsAlike({ status, conclusion, output }: Run, check: CheckReport | RunningCheck, head: Head): boolean {
  const state = "status" in check ? status === check.status : conclusion === check.conclusion;
  const texts = output.title === head.title && output.summary === head.summary;
  return state && texts && (output.text ?? undefined) === head.text;
}

function assertActions(actions: readonly CheckAction[]): void {
  const bad = actions.find((action) =>
    (["label", "description", "identifier"] as const).some(
      (part) => action[part] === "" || action[part].length > ACTIONS[part],
    ),
  );
  if (bad === undefined && actions.length <= ACTIONS.most) return;
  const what = bad === undefined ? `${actions.length} buttons` : `the button ${JSON.stringify(bad)}`;
  throw new WhetstoneError("defect", `GitHub takes no check run with ${what}.`);
}

function toRest({ path, startLine, endLine, level, title, message }: Annotation): Record<string, unknown> {
  return {
    path,
    start_line: startLine,
    end_line: endLine,
    annotation_level: level,
    // Bytes, not characters: the longest of them have four.
    message: message.slice(0, LONGEST.message / 4),
    ...(title === undefined ? {} : { title: title.slice(0, LONGEST.title) }),
  };
}
