import { z } from "zod";
import { type Ask, tip } from "./github-objects.ts";
import type { Answer, Incoming } from "./github.ts";

/** A workflow that was dispatched, and the run that came of it. */
export type DispatchedRun = {
  readonly id: number;
  readonly file: string;
  readonly ref: string;
  readonly inputs: Readonly<Record<string, string>>;
};

/** What a deployment protection rule was answered: a report, or a decision. */
export type GateAnswer = {
  readonly run: number;
  readonly environment_name: string;
  readonly state?: "approved" | "rejected" | undefined;
  readonly comment?: string | undefined;
  /** The App's own account when absent. */
  readonly login?: string | undefined;
};

/** GitHub Actions without a runner, which the emulator has nothing of: workflows of `main`, dispatches, runs, gates. */
export type Actions = {
  readonly dispatched: readonly DispatchedRun[];
  readonly gate: readonly GateAnswer[];
  /** Files of workflows that are switched off. */
  readonly disabled: Set<string>;
  /** Changes a run as a runner would: `status`, `conclusion` and so on. */
  readonly setRun: (id: number, change: Readonly<Record<string, unknown>>) => void;
  /** Runs that only `force-cancel` ends. */
  readonly stubborn: Set<number>;
  /** A job of the run comes to an environment with a rule, and waits there. */
  readonly wait: (id: number, environment: string) => void;
  /** An administrator lets it pass without the rule. */
  readonly bypass: (id: number, environment: string, login: string) => void;
  /** Ids of Apps whose rules stand before an environment. */
  readonly rules: Map<string, readonly number[]>;
  readonly answer: (request: Pick<Incoming, "method" | "path" | "query" | "body">) => Promise<Answer | undefined>;
};

type Runs = Map<number, Readonly<Record<string, unknown>>>;
/** `self`: account of the App whose rules are asked. */
type Place = { readonly ask: Ask; readonly repository: string; readonly runs: Runs; readonly self: string };

const Dispatch = z.object({
  ref: z.string(),
  inputs: z.record(z.string(), z.string()).default({}),
  return_run_details: z.boolean().optional(),
});
const Gate = z.object({
  environment_name: z.string(),
  state: z.enum(["approved", "rejected"]).optional(),
  comment: z.string().optional(),
});
const FOLDER = ".github/workflows/";
const missing: Answer = { status: 404, body: { message: "Not Found" } };
const ok = (body: unknown, status = 200): Answer => ({ status, body });

/** The book of a repository's Actions; `runs` is shared with whoever adds runs by hand. */
export function actionsBook(place: Place): Actions {
  const dispatched: DispatchedRun[] = [];
  const gate: GateAnswer[] = [];
  const disabled = new Set<string>();
  const stubborn = new Set<number>();
  const setRun: Actions["setRun"] = (id, change) => void place.runs.set(id, { ...place.runs.get(id), ...change });
  const waiting = new Map<number, Set<string>>();
  const rules = new Map<string, readonly number[]>();
  const book = { ...place, dispatched, gate, disabled, stubborn, setRun, waiting };
  return {
    rules,
    wait: (id, environment) => {
      setRun(id, { status: "waiting" });
      waiting.set(id, (waiting.get(id) ?? new Set()).add(environment));
    },
    bypass: (run, environment_name, login) => {
      gate.push({ run, environment_name, state: "approved", comment: "", login });
      leave(book, run, { environment_name, state: "approved" });
    },
    dispatched,
    gate,
    disabled,
    stubborn,
    setRun,
    answer: async (request) => {
      const ruled = /\/environments\/([^/]+)\/deployment_protection_rules$/.exec(request.path)?.[1];
      if (ruled !== undefined) return rulesAnswer(rules.get(decodeURIComponent(ruled)));
      const path = request.path.startsWith(`${place.repository}/actions/`)
        ? request.path.slice(place.repository.length + "/actions/".length)
        : "";
      const [kind, id, verb] = path.split("/").map(decodeURIComponent);
      if (kind === "workflows") return await answerWorkflows(book, request, { id, verb });
      if (kind === "runs") return answerRuns(book, request, { id: Number(id), listed: id === undefined, verb });
      return undefined;
    },
  };
}

type Book = Place & {
  readonly waiting: Map<number, Set<string>>;
  readonly dispatched: DispatchedRun[];
  readonly gate: GateAnswer[];
  readonly disabled: Set<string>;
  readonly stubborn: Set<number>;
  readonly setRun: Actions["setRun"];
};
type Request = Pick<Incoming, "method" | "query" | "body">;

/** The workflow files of the default branch, as GitHub lists them. */
async function workflowsOf({ ask, disabled }: Book) {
  const { data } = await ask("GET", `git/trees/${(await tip(ask, "main")) ?? ""}?recursive=1`);
  const { tree } = z.object({ tree: z.array(z.object({ path: z.string() })) }).parse(data);
  const paths = tree.map(({ path }) => path).filter((path) => path.startsWith(FOLDER));
  return paths.map((path, index) => {
    const file = path.slice(FOLDER.length);
    return { id: index + 1, name: file, path, file, state: disabled.has(file) ? "disabled_manually" : "active" };
  });
}

async function answerWorkflows(
  book: Book,
  { method, query, body }: Request,
  { id, verb = "" }: { readonly id: string | undefined; readonly verb: string | undefined },
): Promise<Answer | undefined> {
  const workflows = await workflowsOf(book);
  if (id === undefined) return ok({ total_count: workflows.length, workflows });
  const found = workflows.find((one) => one.file === id || String(one.id) === id);
  if (found === undefined) return missing;
  switch (`${method} ${verb}`) {
    case "GET ":
      return ok(found);
    case "GET runs":
      return listed(book, query, (run) => run["path"] === found.path);
    case "PUT disable":
      book.disabled.add(found.file);
      return ok(undefined, 204);
    case "PUT enable":
      book.disabled.delete(found.file);
      return ok(undefined, 204);
    case "POST dispatches":
      if (found.state !== "active") return ok({ message: "Cannot trigger a disabled workflow" }, 422);
      return await dispatch(book, found, Dispatch.parse(body));
    default:
      return undefined;
  }
}

async function dispatch(
  book: Book,
  { id, file, path }: { readonly id: number; readonly file: string; readonly path: string },
  { ref, inputs, return_run_details: details }: z.output<typeof Dispatch>,
): Promise<Answer> {
  const { runs, ask } = book;
  const run = Math.max(5_000, ...runs.keys()) + 1;
  const head = (await tip(ask, ref)) ?? ref;
  const facts = { name: file, path, event: "workflow_dispatch", run_attempt: 1, workflow_id: id };
  book.setRun(run, {
    id: run,
    ...facts,
    display_title: await titleOf(book, path, { head, file, inputs }),
    status: "queued",
    conclusion: null,
    head_sha: head,
    head_branch: ref,
  });
  book.dispatched.push({ id: run, file, ref, inputs });
  const url = `https://github.invalid/actions/runs/${run}`;
  return details === true ? ok({ workflow_run_id: run, run_url: url, html_url: url }) : ok(undefined, 204);
}

function listed({ runs }: Book, query: URLSearchParams, wanted: (run: Readonly<Record<string, unknown>>) => boolean) {
  const keys = ["event", "status", "head_sha"].filter((key) => query.has(key));
  const found = [...runs.values()].filter((run) => wanted(run) && keys.every((key) => run[key] === query.get(key)));
  return ok({ total_count: found.length, workflow_runs: found.toReversed().map(complete) });
}

function answerRuns(
  book: Book,
  { method, query, body }: Request,
  { id, listed: all, verb = "" }: { readonly id: number; readonly listed: boolean; readonly verb: string | undefined },
): Answer | undefined {
  if (all) return listed(book, query, () => true);
  const run = book.runs.get(id);
  if (run === undefined) return verb === "artifacts" ? undefined : missing;
  switch (`${method} ${verb}`) {
    case "POST cancel":
      if (run["status"] === "completed") return ok({ message: "Cannot cancel a workflow run that is completed." }, 409);
      if (!book.stubborn.has(id)) cancel(book, id);
      return ok({}, 202);
    case "POST force-cancel":
      cancel(book, id);
      return ok({}, 202);
    case "GET ":
      return ok(complete(run));
    case "POST deployment_protection_rule":
      return answerGate(book, id, Gate.parse(body));
    case "GET pending_deployments":
      // A run that has ended waits at nothing.
      if (run["status"] === "completed") return ok([]);
      return ok([...(book.waiting.get(id) ?? [])].map((name) => ({ environment: { id: 1, name } })));
    case "GET approvals":
      return ok(
        book.gate
          .filter((answer) => answer.run === id)
          .map(({ environment_name: name, state = "pending", comment = "", login = book.self }) => ({
            environments: [{ id: 1, name }],
            state,
            comment,
            user: { login },
          })),
      );
    default:
      return undefined;
  }
}

function cancel({ setRun, waiting }: Book, id: number): void {
  setRun(id, { status: "completed", conclusion: "cancelled" });
  waiting.delete(id);
}

const MOST_REPORTS = 10;
const LONGEST_COMMENT = 1_024;

/** Ten reports of 1,024 characters, and one answer to what waits. */
function answerGate(book: Book, run: number, answer: z.output<typeof Gate>): Answer {
  const { environment_name: environment, state, comment = "" } = answer;
  const reports = book.gate.filter(
    (one) => one.run === run && one.environment_name === environment && one.state === undefined,
  );
  const isLate = book.waiting.get(run)?.has(environment) !== true;
  const isTooMuch = comment.length > LONGEST_COMMENT || (state === undefined && reports.length >= MOST_REPORTS);
  if (isLate || isTooMuch) return ok({ message: "Validation Failed" }, 422);
  book.gate.push({ run, ...answer });
  if (state !== undefined) leave(book, run, { environment_name: environment, state });
  return ok(undefined, 204);
}

function leave(book: Book, run: number, { environment_name, state }: Pick<GateAnswer, "environment_name" | "state">) {
  book.waiting.get(run)?.delete(environment_name);
  const rejected = { status: "completed", conclusion: "failure" };
  book.setRun(run, state === "rejected" ? rejected : { status: "in_progress" });
}

/** What GitHub says of every run besides. */
function complete(run: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const facts = { path: ".github/workflows/ci.yml", event: "push", display_title: "ci", status: "queued" };
  const own = { repository: { id: 1 }, head_repository: { id: 1 }, created_at: new Date().toISOString() };
  return { ...facts, ...own, html_url: `https://github.invalid/actions/runs/${String(run["id"])}`, ...run };
}

function rulesAnswer(apps: readonly number[] | undefined): Answer {
  if (apps === undefined) return missing;
  const rules = apps.map((id, index) => ({ id: index + 1, node_id: "", enabled: true, app: { id } }));
  return ok({ total_count: rules.length, custom_deployment_protection_rules: rules });
}

/** `run-name` of the workflow with its inputs in place; its file's name where it states none. */
async function titleOf(
  { ask }: Book,
  path: string,
  {
    head,
    file,
    inputs,
  }: { readonly head: string; readonly file: string; readonly inputs: Readonly<Record<string, string>> },
): Promise<string> {
  const { data } = await ask("GET", `contents/${path}?ref=${head}`);
  const text = Buffer.from(String(Reflect.get(Object(data), "content")), "base64").toString("utf8");
  const name = /^run-name:\s*"?(.*?)"?\s*$/m.exec(text)?.[1] ?? file;
  return name.replaceAll(/\$\{\{\s*inputs\.([\w-]+)\s*\}\}/g, (_, input) => inputs[String(input)] ?? "");
}
