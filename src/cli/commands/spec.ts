import type { Register } from "../command.ts";
import { collect, common, type CommandContext, type CommonOptions } from "../command.ts";
import type { Command } from "commander";

/** Flags that fill the parameters of a template: `NAME=VALUE`. */
export type ParameterOptions = { readonly param: readonly string[] };

export type CheckOptions = CommonOptions &
  ParameterOptions & { readonly trace: readonly string[]; readonly version?: string };
export type GenerateOptions = CommonOptions & {
  readonly from: readonly string[];
  readonly name?: string;
  readonly output?: string;
  readonly quantile?: string;
  readonly open?: boolean;
};
export type ListOptions = CommonOptions & {
  readonly templates?: boolean;
  readonly limit: string;
  readonly after?: string;
};
export type ShowOptions = CommonOptions & { readonly version?: string; readonly history?: boolean };
export type DefineOptions = CommonOptions & ParameterOptions & { readonly template?: string; readonly name?: string };
export type UpdateOptions = CommonOptions & ParameterOptions & { readonly after?: string };

/** `whetstone spec`: trace specifications. */
export const spec: Register = (program, context) => {
  const group = program.command("spec").description("trace specifications: check traces, generate, keep versions");
  check(group, context);
  generate(group, context);
  stored(group, context);
};

function check(group: Command, context: CommandContext): void {
  const command = group
    .command("check")
    .description("check whether traces match a specification, and explain where they do not")
    .argument("<spec>", "specification file, name of a stored one, or of a template")
    .option("--trace <src...>", "trace files of any import format, trace ids, or windows such as -1h..now", [])
    .option("--version <n>", "version of a stored specification (default: the newest)");
  params(command);
  common(command, "spec check checkout.yaml --trace traces.json", "0 they match, 1 they do not, 3 undecided");
  command.action(async (name: string, options: CheckOptions) => {
    const { runSpecCheck } = await import("../run/spec-check.ts");
    context.exit(await runSpecCheck(name, options, context.io));
  });
}

function generate(group: Command, context: CommandContext): void {
  const command = group
    .command("generate")
    .description("write the specification that traces have in common")
    .option("--from <src...>", "trace files, trace ids, or windows", [])
    .option("--name <name>", "name of the specification (default: the traces' root operation)")
    .option("-o, --output <file>", "file to write (default: standard output)")
    .option("--quantile <q>", "also bound this quantile of every operation over all traces, such as 0.95")
    .option("--open", "allow spans that the traces do not have");
  common(command, "spec generate --from good.json --name checkout -o checkout.yaml");
  command.action(async (options: GenerateOptions) => {
    const { runSpecGenerate } = await import("../run/spec-generate.ts");
    context.exit(await runSpecGenerate(options, context.io));
  });
}

function stored(group: Command, context: CommandContext): void {
  const list = group
    .command("list")
    .description("stored specifications, or templates")
    .option("--templates", "the templates that come along, with their parameters")
    .option("--limit <n>", "names per page, 1 to 1000", "100")
    .option("--after <name>", "last name of the page before");
  common(list, "spec list --templates");
  list.action(async (options: ListOptions) => {
    const { runSpecList } = await import("../run/spec-store.ts");
    context.exit(await runSpecList(options, context.io));
  });
  const show = group
    .command("show")
    .description("a stored specification or a template")
    .argument("<name>")
    .option("--version <n>", "an older version")
    .option("--history", "its versions instead of its text");
  common(show, "spec show checkout_flow --version 2");
  show.action(async (name: string, options: ShowOptions) => {
    const { runSpecShow } = await import("../run/spec-store.ts");
    context.exit(await runSpecShow(name, options, context.io));
  });
  changes(group, context);
}

function changes(group: Command, context: CommandContext): void {
  const define = group
    .command("define")
    .description("store a new specification as version 1")
    .argument("[file]", "specification file, - for standard input")
    .option("--template <name>", "a template instead of a file")
    .option("--name <name>", "name to store it under (default: its own)");
  params(define);
  common(define, "spec define --template mcp-tool-call --param tool=search --name search");
  define.action(async (file: string | undefined, options: DefineOptions) => {
    const { runSpecDefine } = await import("../run/spec-store.ts");
    context.exit(await runSpecDefine(file, options, context.io));
  });
  const update = group
    .command("update")
    .description("store the next version and show what changed")
    .argument("<name>")
    .argument("<file>", "specification file, - for standard input")
    .option("--after <n>", "version that this one follows (default: the newest); another one there is a conflict");
  params(update);
  common(update, "spec update checkout_flow checkout.yaml");
  update.action(async (name: string, file: string, options: UpdateOptions) => {
    const { runSpecUpdate } = await import("../run/spec-store.ts");
    context.exit(await runSpecUpdate({ name, file }, options, context.io));
  });
}

function params(command: Command): void {
  command.option("--param <name=value>", "value of a parameter of a template; repeatable", collect, []);
}
