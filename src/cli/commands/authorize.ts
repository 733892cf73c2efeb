import { Option } from "commander";
import { type CommonOptions, common, type Register } from "../command.ts";

export type RequestOptions = CommonOptions & {
  readonly target?: string;
  readonly patch?: string;
  readonly file?: string;
  readonly base?: string;
  readonly author?: string;
  readonly for?: string;
  readonly impact?: string;
};
export type GrantOptions = CommonOptions & { readonly out?: string };
export type ListOptions = CommonOptions & { readonly limit: string };
export type RevokeOptions = CommonOptions & { readonly why?: string };

/** `whetstone authorize request|grant|list|show|revoke|keys`. */
export const authorize: Register = (program, context) => {
  const group = program.command("authorize").description("single-use, expiring permissions for protected operations");
  const request = group
    .command("request")
    .description("ask for permission; a person with the role that the operation needs grants it")
    .argument("<operation>", "such as resume; a wrong name lists all")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)")
    .addOption(new Option("--patch <file>", "permit exactly this change").conflicts("base"))
    .addOption(
      new Option("--file <file>", "permit exactly this backup, for backup.restore").conflicts(["base", "patch"]),
    )
    .option("--base <commit>", "permit the target as it stands at this commit (default: HEAD)")
    .option("--for <login>", "permit it to this account of GitHub, which starts the workflow (default: you, here)")
    .option("--author <name>", "who wrote the change, where that is not who asks")
    .option("--impact <text>", "what will be different, for those who decide");
  common(request, "authorize request resume").action(async (operation: string, options: RequestOptions) => {
    const { runRequest } = await import("../run/authorize.ts");
    context.exit(await runRequest(operation, options, context.io));
  });
  const grant = group
    .command("grant")
    .description("permit it: prints a token that works once, for exactly what was asked")
    .argument("<id>", "id of the request")
    .option("--out <file>", "write the token into a file that only you can read, and print nothing of it");
  common(grant, "authorize grant a-20261120T104512Z-3f9a1c --out token").action(
    async (id: string, options: GrantOptions) => {
      const { runGrant } = await import("../run/authorize.ts");
      context.exit(await runGrant(id, options, context.io));
    },
  );
  const list = group
    .command("list")
    .description("requests and how they stand, newest last")
    .option("--limit <n>", "how many", "20");
  common(list, "authorize list").action(async (options: ListOptions) => {
    const { runListAuthorizations } = await import("../run/authorize-list.ts");
    context.exit(await runListAuthorizations(options, context.io));
  });
  const show = group.command("show").description("everything about one request").argument("<id>", "id of the request");
  common(show, "authorize show a-20261120T104512Z-3f9a1c").action(async (id: string, options: CommonOptions) => {
    const { runShowAuthorization } = await import("../run/authorize-list.ts");
    context.exit(await runShowAuthorization(id, options, context.io));
  });
  const revoke = group
    .command("revoke")
    .description("take a request or a granted permission back")
    .argument("<id>", "id of the request")
    .option("--why <text>", "for the record");
  common(revoke, "authorize revoke a-20261120T104512Z-3f9a1c").action(async (id: string, options: RevokeOptions) => {
    const { runRevokeAuthorization } = await import("../run/authorize-list.ts");
    context.exit(await runRevokeAuthorization(id, options, context.io));
  });
  registerKeys(group, context);
};

const registerKeys: Register = (parent, context) => {
  const group = parent.command("keys").description("the keys that tokens are signed with");
  const list = group.command("list").description("all keys of the repository, and which of them this machine holds");
  common(list, "authorize keys list").action(async (options: CommonOptions) => {
    const { runListSigningKeys } = await import("../run/authorize-keys.ts");
    context.exit(await runListSigningKeys(options, context.io));
  });
  const rotate = group.command("rotate").description("replace your keys by a new one; what the old ones signed ends");
  common(rotate, "authorize keys rotate").action(async (options: CommonOptions) => {
    const { runRotateKeys } = await import("../run/authorize-keys.ts");
    context.exit(await runRotateKeys(options, context.io));
  });
  const revoke = group
    .command("revoke")
    .description("refuse a key from now on, with everything that it signed")
    .argument("<kid>", "id of the key, 16 hexadecimal digits");
  common(revoke, "authorize keys revoke 3f9a1c0b7d2e4a55").action(async (kid: string, options: CommonOptions) => {
    const { runRevokeSigningKey } = await import("../run/authorize-keys.ts");
    context.exit(await runRevokeSigningKey(kid, options, context.io));
  });
};
