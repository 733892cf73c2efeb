import { createRequire } from "node:module";
import { payloadFaults } from "./github-openapi.ts";

/** A payload, or a part of one that is laid over a whole one; `undefined` takes a member away. */
export type Payload = { readonly [member: string]: unknown };

type Example = Payload & { readonly action?: string };

const EXAMPLES = createRequire(import.meta.url)("@octokit/webhooks-examples/api.github.com/index.json") as readonly {
  readonly name: string;
  readonly examples: readonly Example[];
}[];

/** GitHub's own examples of `event.action`, of several years; older ones lack members that the description has today. */
export function examplesOf(name: string): readonly Payload[] {
  return EXAMPLES.flatMap((kind) =>
    kind.examples.filter(({ action }) => name === (action === undefined ? kind.name : `${kind.name}.${action}`)),
  );
}

/** What is missing of the newest example, or is written otherwise today. */
const DISCUSSED = { repo: { has_discussions: false } };
const PULL = { pull_request: { base: DISCUSSED, head: DISCUSSED } };
const INSTALLED = {
  installation: {
    app_slug: "whetstone",
    suspended_by: null,
    suspended_at: null,
    created_at: "2026-01-02T03:04:05Z",
    updated_at: "2026-01-02T03:04:05Z",
  },
};
const CONCLUDED = { check_run: { conclusion: "success", check_suite: { conclusion: "success" } } };
/** Events with the example that they are made from and what is laid over it. */
const MADE: Readonly<Record<string, { readonly from?: string; readonly over: Payload }>> = {
  "check_run.requested_action": { over: CONCLUDED },
  "check_run.rerequested": {
    from: "check_run.requested_action",
    over: { ...CONCLUDED, action: "rerequested", requested_action: undefined },
  },
  "installation.created": { over: INSTALLED },
  "installation.deleted": { over: INSTALLED },
  "installation.new_permissions_accepted": { over: INSTALLED },
  "installation_repositories.added": { over: INSTALLED },
  "installation_repositories.removed": { over: INSTALLED },
  "pull_request.synchronize": { over: PULL },
  "pull_request_review.dismissed": { over: PULL },
  "pull_request_review.edited": {
    from: "pull_request_review.submitted",
    over: { ...PULL, action: "edited", changes: {} },
  },
  "pull_request_review.submitted": { over: PULL },
  "workflow_run.in_progress": {
    from: "workflow_run.requested",
    over: { action: "in_progress", workflow_run: { status: "in_progress" } },
  },
};

/** Every delivery to an App names its installation. */
const SENT = { installation: { id: 1, node_id: "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uMQ==" } };

/** There is no example of it; written after GitHub's description. */
const PROTECTION = "deployment_protection_rule.requested";

function newest(name: string): Payload {
  if (name === PROTECTION) {
    const { deployment } = examplesOf("deployment.created").at(-1) ?? {};
    const { repository, sender } = examplesOf("workflow_run.requested").at(-1) ?? {};
    const address = "https://api.github.com/repos/Codertocat/Hello-World/actions/runs/1/deployment_protection_rule";
    const about = { environment: "production", event: "workflow_dispatch", deployment_callback_url: address };
    return { action: "requested", ...about, deployment, pull_requests: [], repository, sender };
  }
  const { from = name, over = {} } = MADE[name] ?? {};
  const example = examplesOf(from).at(-1);
  if (example === undefined) throw new Error(`GitHub has no example of ${from}.`);
  return laidOver(example, over);
}

/**
 * A payload of `event.action` as GitHub sends it today: its newest example with `over` laid over it, proved by its
 * description. @throws Error when it is none that GitHub could send
 */
export function payloadOf(name: string, over: Payload = {}): Payload {
  const payload = laidOver(laidOver(SENT, newest(name)), over);
  const faults = payloadFaults(name, payload) ?? ["GitHub describes no such event"];
  if (faults.length > 0) throw new Error(`No payload of ${name}: ${faults.join("; ")}`);
  return payload;
}

/** Members that are null in most examples, or absent, as they are where they are there. */
function wholeOf(name: string): Payload {
  const [comment] = examplesOf("issue_comment.created");
  switch (name) {
    case "merged_by":
    case "user":
      return Object(comment?.["sender"]) as Payload;
    case "performed_via_github_app":
      return Object(Reflect.get(Object(examplesOf("check_run.completed").at(-1)?.["check_run"]), "app")) as Payload;
    case "pull_request": {
      const url = "https://api.github.com/repos/Codertocat/Hello-World/pulls/2";
      return { url, html_url: url, diff_url: `${url}.diff`, patch_url: `${url}.patch` };
    }
    default:
      return {};
  }
}

/** Objects member by member; everything else is replaced. */
export function laidOver(below: Payload, over: Payload): Payload {
  const members = Object.entries(over).map(([name, value]) => {
    const beneath = below[name];
    return [name, isObject(value) ? laidOver(isObject(beneath) ? beneath : wholeOf(name), value) : value] as const;
  });
  return Object.fromEntries(
    Object.entries({ ...below, ...Object.fromEntries(members) }).filter(([, value]) => value !== undefined),
  );
}

function isObject(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
