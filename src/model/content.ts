/**
 * Attributes that hold what users, tools and models said, by name; `*` stands for any text. The GenAI semantic
 * conventions have them as opt-in; other instrumentations of MCP and of language models send their own by default.
 */
export const CONTENT_ATTRIBUTES: readonly string[] = [
  // GenAI semantic conventions, present and earlier ones (`docs/gen-ai/`).
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.prompt.variable.*",
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "gen_ai.system_instructions",
  "gen_ai.prompt",
  "gen_ai.completion",
  "gen_ai.event.content",
  // MCP instrumentations: `mcp.request.argument.<name>`, `mcp.tool.result.content`, `mcp.prompt.result.message_content`.
  "mcp.*argument",
  "mcp.*arguments",
  "mcp.*argument.*",
  "mcp.*arguments.*",
  "mcp.*.result",
  "mcp.*.result.content",
  "mcp.*.result.*_content",
  "mcp.*.content",
  // OpenLLMetry and OpenInference.
  "gen_ai.prompt.*.content",
  "gen_ai.prompt.*.arguments",
  "gen_ai.completion.*.content",
  "gen_ai.completion.*.arguments",
  "traceloop.entity.input",
  "traceloop.entity.output",
  "input.value",
  "output.value",
  "llm.input_messages.*",
  "llm.output_messages.*",
  "llm.prompts*",
  "llm.completions*",
  // Claude Code.
  "user_prompt",
  "tool_input",
  "tool_output",
  "tool_parameters",
];

/** Before the name of a prompt's argument (GenAI semantic conventions). */
export const PROMPT_VARIABLE = "gen_ai.prompt.variable.";

const CONTENT = new RegExp(
  `^(?:${CONTENT_ATTRIBUTES.map((name) => name.replaceAll(".", "\\.").replaceAll("*", ".*")).join("|")})$`,
  "s",
);

/** Whether an attribute holds content, by its name. */
export function isContentAttribute(name: string): boolean {
  return CONTENT.test(name);
}

/**
 * Whether the body of an event holds content, by the event's name: the GenAI semantic conventions send messages of users
 * and models so (`gen_ai.user.message`, `gen_ai.choice`, `gen_ai.client.inference.operation.details`).
 */
export const isContentEvent = (eventName: string): boolean => eventName.startsWith("gen_ai.");
