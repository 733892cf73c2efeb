import type { CallToolResult } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { ErrorCode } from "../model/codes.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { MOST_TOKENS, tokensOf } from "./budget.ts";
import { shownText } from "./shown.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** Clients cut the text of an error at about 11,000 characters. */
const MOST_ERROR_TEXT = 2_000;

/** Calls a tool; whatever goes wrong is an answer with `isError`, a code and what to do. */
export async function callTool(tool: Tool, args: unknown, context: ToolContext): Promise<CallToolResult> {
  try {
    const answer = await tool.call(args, context);
    const text = JSON.stringify(answer);
    if (tokensOf(text) > MOST_TOKENS) {
      throw new WhetstoneError("defect", `The answer of ${tool.name} is larger than any client takes.`, {
        remedy: "Ask for less: a smaller max_tokens, detail summary, or a shorter time_range.",
      });
    }
    return { content: [{ type: "text", text }], structuredContent: answer };
  } catch (error) {
    context.signal.throwIfAborted(); // nobody waits for the answer
    return errorResult(error);
  }
}

/** An error as a result that a model can act on. */
function errorResult(error: unknown): CallToolResult {
  const { code, message, remedy } = describe(error);
  const shown = {
    code,
    message: shownText(message, MOST_ERROR_TEXT),
    ...(remedy !== undefined && { remedy: shownText(remedy, MOST_ERROR_TEXT) }),
  };
  return { content: [{ type: "text", text: JSON.stringify({ error: shown }) }], isError: true };
}

type Described = { readonly code: ErrorCode; readonly message: string; readonly remedy: string | undefined };

function describe(error: unknown): Described {
  if (error instanceof WhetstoneError) return error;
  if (error instanceof z.ZodError) {
    return {
      code: "usage",
      message: z.prettifyError(error),
      remedy: "Mend the arguments; see the tool's input schema.",
    };
  }
  return { code: "defect", message: messageOf(error), remedy: "This is a bug in Whetstone; please report it." };
}
