import { z } from "zod";
import { DURATION } from "../model/time.ts";
import { AppSettings } from "./app.ts";
import { BYTES } from "./bytes.ts";
import { BudgetSettings } from "./budgets.ts";
import { CaptureSettings } from "./capture.ts";
import { LearningSettings } from "./learning.ts";
import { ProtectionSettings } from "./protection.ts";
import { ReviewSettings } from "./review.ts";
import { SloSettings } from "./slo.ts";
import { DeploymentSettings } from "./deployment.ts";

/** A command as a list of words, or one string that is split at white space outside quotes. */
const Command = z
  .union([z.array(z.string().min(1)).min(1), z.string().min(1)])
  .describe(
    'How to start it: a list of words, or one string split at white space outside quotes, such as "node server.js".',
  );

const Share = z.number().gt(0).lt(1);

/** Settings of the canary judge; the defaults follow canary practice for MCP traffic (10 to 1,000 calls a minute). */
export const CanarySettings = z.strictObject({
  weight: Share.default(0.5).describe("Share of client sessions that go to the canary."),
  alpha: Share.default(0.05).describe("Greatest probability of a false rollback, over any number of looks."),
  beta: Share.default(0.05).describe("Greatest probability of a false promotion, over any number of looks."),
  margin: z
    .number()
    .gt(1)
    .default(2)
    .describe("Largest ratio of bad events, canary to baseline, that is still accepted."),
  slowdown: z.number().gt(0).default(0.25).describe("Largest relative slowdown that is still accepted."),
  slowMs: z
    .number()
    .nonnegative()
    .default(100)
    .describe("Calls faster than this never count as slow, whatever the baseline's 95th percentile is."),
  maxErrorRate: Share.default(0.02).describe("Objective: a canary below this share of errors is good enough."),
  maxSlowRate: Share.default(0.05).describe("Objective: a canary below this share of slow calls is good enough."),
  unit: z
    .enum(["call", "session"])
    .default("call")
    .describe("What counts once: each call, or each session with all its calls, where failures come in bursts."),
  concurrency: z.int().min(1).max(256).default(8).describe("Calls of one session in flight at once."),
  minimumSessions: z
    .int()
    .min(1)
    .default(5)
    .describe("Sessions per arm before the judge is asked; calls of one session are not independent."),
  maxSessions: z.int().min(2).max(100_000).default(120).describe("Sessions after which an undecided canary ends."),
});
export type CanarySettings = z.infer<typeof CanarySettings>;

/** Settings of the replay of recorded calls. */
export const ReplaySettings = z.strictObject({
  rounds: z.int().min(1).max(100).default(2).describe("How often both versions play the whole workload, taking turns."),
  slowdown: z
    .number()
    .gt(0)
    .default(0.5)
    .describe("A tool may become slower by this share before the change is refused; the interval must exclude it."),
});
export type ReplaySettings = z.infer<typeof ReplaySettings>;

/** What a patch may be. */
export const PatchLimits = z.strictObject({
  files: z.int().min(1).default(10).describe("Most files that a proposal may touch."),
  lines: z.int().min(1).default(600).describe("Most lines that a proposal may add and remove together."),
  bytes: z.int().min(1).default(65_536).describe("Largest patch in bytes."),
  hunks: z.int().min(1).default(200).describe("Most places, in all files together, that a proposal may change."),
  binaryBytes: z
    .int()
    .min(1)
    .max(16_777_216)
    .default(1_048_576)
    .describe("Largest binary content in bytes, where `binary` allows it."),
});
export type PatchLimits = z.infer<typeof PatchLimits>;

const Policy = z.enum(["blocked", "request-review", "allowed"]).default("blocked");

/** What happens to changes of protected classes of files; their paths must be in `source` besides. */
export const ProtectedSettings = z.strictObject({
  agents: Policy.describe("Instructions and settings of coding agents: CLAUDE.md, AGENTS.md, .mcp.json, .claude/."),
  ci: Policy.describe("Continuous integration: .github/, action.yml, .gitlab-ci.yml."),
  owners: Policy.describe("Who must review what: CODEOWNERS."),
  lockfiles: Policy.describe("Locked dependencies: package-lock.json, *.lock, go.sum."),
  manifests: Policy.describe("Dependencies and scripts: package.json, pyproject.toml, go.mod."),
  builds: Policy.describe("How it is built: Makefile, Dockerfile."),
  rules: Policy.describe("Whetstone's own rules and configuration: rules/, whetstone.yaml."),
  documents: Policy.describe("Documents at the top of the repository: README.md, LICENSE."),
  dotfiles: Policy.describe("Files and folders whose name begins with a point; never those of git itself."),
});
export type ProtectedSettings = z.infer<typeof ProtectedSettings>;

/** A command of the project that must succeed on the changed code. */
export const Check = z.strictObject({
  name: z.string().min(1),
  run: z.string().min(1).describe("Shell command, run at the root of a worktree with the change applied."),
  timeoutSeconds: z.number().positive().max(86_400).default(120),
});
export type Check = z.infer<typeof Check>;

/** One MCP server under care. */
export const Target = z.strictObject({
  command: Command,
  source: z.array(z.string().min(1)).min(1).describe("Globs of the files that a proposal may change."),
  workload: z.string().min(1).describe("Recorded tool calls, a file of schema whetstone.workload/1."),
  checks: z.array(Check).default([]),
  env: z.record(z.string(), z.string()).default({}).describe("Environment of the server, added to a minimal one."),
  prepare: z.string().optional().describe("Shell command run once in each fresh worktree, such as npm ci."),
  startTimeoutSeconds: z.number().positive().max(3_600).default(20),
  capture: CaptureSettings.prefault({}),
  replay: ReplaySettings.prefault({}),
  canary: CanarySettings.prefault({}),
  limits: PatchLimits.prefault({}),
  protected: ProtectedSettings.prefault({}).describe(
    "Protected classes of files: blocked, request-review (let through, and the report asks for a review), or allowed.",
  ),
  executable: z.array(z.string().min(1)).default([]).describe("Globs of files that a proposal may make executable."),
  binary: z
    .array(z.string().min(1))
    .default([])
    .describe("Globs of files whose content may be binary, such as images."),
  deployment: DeploymentSettings.optional().describe(
    "How a candidate is deployed and exposed, see `whetstone canary run`.",
  ),
  slos: z.array(SloSettings).default([]).describe("Service-level objectives, see `whetstone slo status`."),
});
export type Target = z.infer<typeof Target>;

const Age = z.union([z.literal("forever"), z.string().regex(DURATION, "write a duration such as 30d, or forever")]);

/** What `whetstone retain` keeps. */
export const RetentionSettings = z.strictObject({
  traces: Age.default("30d").describe("How long traces without an error are kept."),
  errors: Age.default("90d").describe("How long traces with an error are kept."),
  rollups: Age.default("90d").describe("How long counts and durations per minute and operation are kept."),
  metrics: Age.default("30d").describe("How long metric points are kept."),
  logs: Age.default("30d").describe("How long log records are kept."),
  size: z
    .string()
    .regex(BYTES, "write a size such as 500MB or 10GB")
    .optional()
    .describe(
      "Most space that the store may use; beyond it the oldest traces, metric points and log records go before their age. SQLite only.",
    ),
});
export type RetentionSettings = z.infer<typeof RetentionSettings>;

/** How sessions on Claude Code are run. */
export const ClaudeSettings = z.strictObject({
  model: z.string().min(1).default("claude-opus-5-5").describe("Full id of the model; an alias may move."),
  maxTurns: z.int().min(1).max(1_000).default(40).describe("Requests to the model in one session."),
  timeoutSeconds: z.number().positive().max(86_400).default(900).describe("Longest time of one session."),
  idleSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(300)
    .describe("Longest time in which a session says and does nothing."),
  sandbox: z
    .enum(["if-possible", "required", "off"])
    .default("if-possible")
    .describe("Linux namespaces around sessions and their checks: where the machine can, or none without, or never."),
});
export type ClaudeSettings = z.infer<typeof ClaudeSettings>;

/** `whetstone.yaml`. */
export const Config = z.strictObject({
  version: z.literal(1),
  db: z.string().min(1).default(".whetstone/whetstone.db").describe("Path of the SQLite store, or a postgres:// URL."),
  targets: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "use lower-case letters, digits and -"), Target)
    .default({}),
  retention: RetentionSettings.prefault({}),
  protection: ProtectionSettings.prefault({}),
  learning: LearningSettings.prefault({}).describe("Learned rules and what is remembered, see `whetstone learn`."),
  review: ReviewSettings.prefault({}).describe("A second model that reviews proposals."),
  budgets: BudgetSettings.prefault({}).describe("What Claude Code sessions may cost, see `whetstone budget show`."),
  app: AppSettings.prefault({}).describe("The GitHub App, see `whetstone serve`."),
  session: ClaudeSettings.prefault({}).describe("Sessions on Claude Code, see `whetstone session start`."),
});
export type Config = z.infer<typeof Config>;
