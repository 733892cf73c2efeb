import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { openStore } from "../../src/store/open.ts";
import { span } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { runConformance } from "./conformance-suite.ts";
import { httpProcess } from "./http-process.ts";

/** Scenarios that ask things of any server: every check must pass. */
const APPLIES: Readonly<Record<string, readonly string[]>> = {
  "2025-11-25": [
    "server-initialize",
    "logging-set-level",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "server-session-lifecycle",
    "server-sse-polling",
  ],
  "2026-07-28": [
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "sep-2164-resource-not-found",
    "dns-rebinding-protection",
    "caching",
    "http-header-validation",
    "input-required-result-unsupported-methods",
    "input-required-result-validate-input",
  ],
};

/** Why the other scenarios cannot pass here: each asks for fixtures, which a server for use does not have. */
const DOES_NOT_APPLY: readonly (readonly [RegExp, string])[] = [
  [/^tools-call-/, "calls the fixture tools test_simple_text, test_image_content, …"],
  [/^elicitation-/, "calls fixture tools that ask the user; our tools never ask back"],
  [/^input-required-result-/, "calls fixture tools that ask the user; our tools never ask back"],
  [/^resources-(read|templates)-/, "reads the fixture resources test://…"],
  [/^resources-(un)?subscribe$/, "resources here do not change, so subscriptions are not offered"],
  [/^prompts-get-/, "gets the fixture prompts test_simple_prompt, …"],
  [/^completion-complete$/, "completes an argument of the fixture prompt test_prompt_with_arguments"],
  [/^json-schema-2020-12$/, "looks for the fixture tool json_schema_2020_12_tool"],
  [/^tasks-/, "the tasks extension, which is not offered"],
  [/^http-custom-header-server-validation$/, "needs a tool with x-mcp-header annotations"],
  [/^server-stateless$/, "four of its checks call the fixture tools test_missing_capability, …"],
];

/** How the suite says that a fixture or an offer is not there. */
const ABSENT =
  /not found|[Nn]ot testable|[Mm]ethod not found|unavailable|Prerequisite failed|Expected InputRequiredResult|extensions MUST be advertised|got -3260[12]|returned error code -32602/;

test.each(Object.keys(APPLIES))(
  "the conformance suite for %s finds nothing but absent fixtures",
  async (revision) => {
    await using folder = await temporaryFolder();
    {
      await using store = await openStore({ url: join(folder.path, ".whetstone/whetstone.db") });
      await store.append([span()]);
    }
    await using server = await httpProcess(folder.path);
    const scenarios = await runConformance(server.url, { revision, folder: folder.path });
    const applies = APPLIES[revision] ?? [];
    for (const name of applies) expect({ name, failures: scenarios.get(name) }).toEqual({ name, failures: [] });
    const others = [...scenarios].filter(([name]) => !applies.includes(name));
    const undecided = others.filter(([name]) => !DOES_NOT_APPLY.some(([pattern]) => pattern.test(name)));
    expect(undecided).toEqual([]);
    const real = others.flatMap(([, failures]) => failures).filter(({ why }) => !ABSENT.test(why));
    expect(real).toEqual([]);
    expect(await server.stop()).toBe(0);
  },
  120_000,
);
