import type { Command } from "commander";
import type { CommandContext, Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type SessionStartOptions = CommonOptions & {
  readonly mode: string;
  readonly target?: string;
  readonly question?: string;
  readonly session: string;
  readonly budgetUsd?: string;
  readonly authorization?: string;
  readonly authorizationFile?: string;
  readonly since?: string;
  readonly until?: string;
  readonly dryRun?: boolean;
};

export type SessionListOptions = CommonOptions & { readonly target?: string };

export type SessionResumeOptions = Omit<SessionStartOptions, "mode" | "target">;

/** `whetstone session`: Claude Code sessions, started by people only. */
export const session: Register = (program, context) => {
  const group = program.command("session").description("start, look at and continue sessions of Claude Code");
  start(group, context);
  list(group, context);
  show(group, context);
  resume(group, context);
};

const MORE = `
Evidence comes from the target's workload, played on the commit; with --since from telemetry in the store.
An analysis reads code and telemetry and changes nothing. A refinement changes the target's source files in a scratch
copy and needs a person's permission for the target at this commit:
  $ whetstone authorize request session.refine --target notes
  $ whetstone authorize grant ID --out token
  $ whetstone session start --mode refinement --target notes --authorization-file token
A model answers with ANTHROPIC_API_KEY set, or through CLAUDE_CODE_USE_BEDROCK, _VERTEX or _FOUNDRY.`;

function start(group: Command, context: CommandContext): void {
  const command = group
    .command("start")
    .description("ask Claude Code once about a target, with its evidence; the answer is put on record")
    .option("--mode <mode>", "analysis or refinement", "analysis")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)");
  asking(command);
  common(
    command,
    'session start --mode analysis --target notes --question "Why is search slow?"',
    "0 answered, 1 refused or failed, 3 there was nothing to ask about",
  );
  command.addHelpText("after", MORE);
  command.action(async (options: SessionStartOptions) => {
    const { runSessionStart } = await import("../run/session-start.ts");
    context.exit(await runSessionStart(options, context.io));
  });
}

/** What a new session is asked and may do. */
function asking(command: Command): Command {
  return command
    .option("--question <text>", "what you want to know; the session is told it as a quotation")
    .option("--session <runner>", "claude, or replay:FILE for a recorded session", "claude")
    .option("--budget-usd <amount>", "most that the session may cost (default: budgets.session.usd)")
    .option("--authorization <token>", "the permission of a person, for a refinement (or WHETSTONE_AUTHORIZATION)")
    .option("--authorization-file <file>", "the same from a file; - is standard input")
    .option("--since <time>", "evidence from telemetry in the store, from this time on, such as -24h")
    .option("--until <time>", "end of that window (default: now)")
    .option("--dry-run", "assemble what the session would be told; ask nobody, record nothing");
}

function list(group: Command, context: CommandContext): void {
  const command = group
    .command("list")
    .description("sessions on record, newest first")
    .option("--target <name>", "only those on this target");
  common(command, "session list --target notes").action(async (options: SessionListOptions) => {
    const { runSessionList } = await import("../run/session-list.ts");
    context.exit(await runSessionList(options, context.io));
  });
}

function show(group: Command, context: CommandContext): void {
  const command = group
    .command("show")
    .description("one session: what it was told, did, cost and answered")
    .argument("<id>", "id of the session, or of the run that it was part of");
  common(command, "session show s-20261120T104512Z-3f9a1c").action(async (id: string, options: CommonOptions) => {
    const { runSessionShow } = await import("../run/session-list.ts");
    context.exit(await runSessionShow(id, options, context.io));
  });
}

function resume(group: Command, context: CommandContext): void {
  const command = group
    .command("resume")
    .description("go on with a session that a limit cut off, in a new session that is told its summary")
    .argument("<id>", "id of the session that was cut off");
  common(
    asking(command),
    "session resume s-20261120T104512Z-3f9a1c",
    "0 answered, 1 refused or failed, 3 there was nothing to ask about",
  );
  command.action(async (id: string, options: SessionResumeOptions) => {
    const { runSessionResume } = await import("../run/session-start.ts");
    context.exit(await runSessionResume(id, options, context.io));
  });
}
