import { WhetstoneError } from "../model/error.ts";

/** Who answers for the model. The key of the API stays with us; a cloud provider's credentials go to the session. */
export type ModelProvider =
  | { readonly kind: "anthropic"; readonly url: string; readonly key: string }
  | { readonly kind: "bedrock" | "vertex" | "foundry"; readonly env: Readonly<Record<string, string>> };

type Variables = Readonly<Record<string, string | undefined>>;
type Cloud = Exclude<ModelProvider["kind"], "anthropic">;

/** Where the API is when `ANTHROPIC_BASE_URL` names no other place. */
const DEFAULT_URL = "https://api.anthropic.com";

/** For each cloud provider the switch that chooses it, and the variables that are passed on: these and no others. */
export const CLOUD_VARIABLES: Readonly<Record<Cloud, { readonly use: string; readonly pass: readonly string[] }>> = {
  bedrock: {
    use: "CLAUDE_CODE_USE_BEDROCK",
    pass: [
      "AWS_REGION",
      "AWS_DEFAULT_REGION",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_BEARER_TOKEN_BEDROCK",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "ANTHROPIC_BEDROCK_BASE_URL",
    ],
  },
  vertex: {
    use: "CLAUDE_CODE_USE_VERTEX",
    pass: [
      "CLOUD_ML_REGION",
      "ANTHROPIC_VERTEX_PROJECT_ID",
      "ANTHROPIC_VERTEX_BASE_URL",
      "GOOGLE_APPLICATION_CREDENTIALS",
      "GOOGLE_CLOUD_PROJECT",
    ],
  },
  foundry: {
    use: "CLAUDE_CODE_USE_FOUNDRY",
    pass: ["ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_API_KEY"],
  },
};

/**
 * Reads from the environment who answers for the model. A cloud provider is chosen by Claude Code's own switches, else
 * `ANTHROPIC_API_KEY` (and `ANTHROPIC_BASE_URL`) are taken.
 * @throws WhetstoneError `usage` when nothing or more than one is chosen, or the URL is none; never with a key in it
 */
export function modelProvider(env: Variables): ModelProvider {
  const clouds = (Object.keys(CLOUD_VARIABLES) as Cloud[]).filter((kind) => isOn(env[CLOUD_VARIABLES[kind].use]));
  const [cloud, another] = clouds;
  if (cloud !== undefined && another !== undefined) {
    throw new WhetstoneError("usage", `The environment chooses ${clouds.join(" and ")} for the model.`, {
      remedy: `Set only one of ${clouds.map((kind) => CLOUD_VARIABLES[kind].use).join(", ")}.`,
    });
  }
  return cloud === undefined ? anthropic(env) : { kind: cloud, env: passed(cloud, env) };
}

function anthropic(env: Variables): ModelProvider {
  const key = env["ANTHROPIC_API_KEY"]?.trim() ?? "";
  if (key === "") {
    throw new WhetstoneError("usage", "No ANTHROPIC_API_KEY is set, so no session can be started.", {
      remedy: "Set it, or name a recording with --session replay:FILE; `npm run demo:claude` needs no key.",
    });
  }
  const url = env["ANTHROPIC_BASE_URL"]?.trim() || DEFAULT_URL;
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? "")) return { kind: "anthropic", url, key };
  throw new WhetstoneError("usage", "ANTHROPIC_BASE_URL is no http or https URL.", {
    remedy: `Write it like ${DEFAULT_URL}, or leave it out.`,
  });
}

function passed(cloud: Cloud, env: Variables): Record<string, string> {
  const { use, pass } = CLOUD_VARIABLES[cloud];
  const given = pass.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return { [use]: "1", ...Object.fromEntries(given) };
}

/** As Claude Code reads its switches. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && ["1", "true", "yes", "on"].includes(value.trim().toLowerCase());
}
