import { Option } from "commander";
import { type Role, ROLES } from "../../model/role.ts";
import type { Register } from "../command.ts";

export type KeyFolderOptions = { readonly json?: boolean; readonly keys?: string };
export type CreateKeyOptions = KeyFolderOptions & { readonly role: Role; readonly expires?: string };

/** `whetstone api-key create|list|revoke`. */
export const apiKey: Register = (program, context) => {
  const group = program.command("api-key").description("keys of the JSON API that `whetstone serve` offers");
  const folder = () => new Option("--keys <folder>", "folder of the keys (default: .whetstone/api-keys)");
  const json = () => new Option("--json", "print one JSON document");
  group
    .command("create")
    .description("make a key; it is shown once and kept only as a salted hash")
    .argument("<name>", "who or what will use it")
    .addOption(new Option("--role <role>", "what it may see").choices(ROLES).makeOptionMandatory())
    .option("--expires <time>", "lifetime such as 90d, or an RFC 3339 time; never without")
    .addOption(folder())
    .addOption(json())
    .addHelpText("after", "\nExample:\n  $ whetstone api-key create grafana --role operations --expires 90d")
    .action(async (name: string, options: CreateKeyOptions) => {
      const { runCreateKey } = await import("../run/api-key.ts");
      context.exit(await runCreateKey(name, options, context.io));
    });
  group
    .command("list")
    .description("all keys with role and state; never the keys themselves")
    .addOption(folder())
    .addOption(json())
    .addHelpText("after", "\nExample:\n  $ whetstone api-key list")
    .action(async (options: KeyFolderOptions) => {
      const { runListKeys } = await import("../run/api-key.ts");
      context.exit(await runListKeys(options, context.io));
    });
  group
    .command("revoke")
    .description("refuse a key and its sessions from now on")
    .argument("<id>", "id of the key, 12 hexadecimal digits")
    .addOption(folder())
    .addOption(json())
    .addHelpText("after", "\nExample:\n  $ whetstone api-key revoke 3f9a1c0b7d2e")
    .action(async (id: string, options: KeyFolderOptions) => {
      const { runRevokeKey } = await import("../run/api-key.ts");
      context.exit(await runRevokeKey(id, options, context.io));
    });
};
