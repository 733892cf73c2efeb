import { z } from "zod";
import type { Annotation, CheckReport, Checks, Written } from "../host-port.ts";
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

const Run = z.object({
  id: z.number(),
  name: z.string(),
  external_id: z.string().nullish(),
  conclusion: z.string().nullish(),
  app: z.object({ slug: z.string() }).nullish(),
  output: z.object({
    title: z.string().nullish(),
    summary: z.string().nullish(),
    annotations_count: z.number(),
  }),
});
type Run = z.output<typeof Run>;

/** Check runs over REST. */
export function restChecks(repository: RestRepository): Checks {
  return {
    report: (check) => report(repository, check),
    on: async (sha) => {
      const runs = await listRuns(repository, sha, {});
      return runs.map(({ name, conclusion, app }) => ({
        name,
        conclusion: conclusion ?? undefined,
        app: app?.slug ?? "",
      }));
    },
  };
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

async function report(repository: RestRepository, check: CheckReport): Promise<Written> {
  const { client, owner, repo } = repository;
  const { name, sha, externalId, conclusion, url } = check;
  const head = { title: check.title, summary: fitBody(check.summary, LONGEST_SUMMARY) };
  const details = url === undefined ? {} : { details_url: url };
  const state = { conclusion, status: "completed", external_id: externalId, ...details };
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
  const same =
    value.conclusion === conclusion && value.output.title === head.title && value.output.summary === head.summary;
  if (made) return { id: value.id, action: "created" };
  if (same && there >= annotations.length) return { id: value.id, action: "kept" };
  if (there >= annotations.length) await patch(head);
  return { id: value.id, action: "updated" };
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
