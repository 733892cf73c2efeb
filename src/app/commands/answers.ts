import type { Answer } from "../command.ts";
import { cell } from "../page-text.ts";

/** An answer whose Markdown another part made. */
export function saidAnswer(word: string, { ok, said }: { readonly ok: boolean; readonly said: string }): Answer {
  return { state: ok ? "done" : "failed", body: `### Whetstone: ${word}\n\n${said}` };
}

/** Why something was refused, and what to do. Its texts may quote people. */
export function refusedAnswer(
  word: string,
  { reason, message, remedy }: { readonly reason: string; readonly message: string; readonly remedy: string },
): Answer {
  return {
    state: "failed",
    body: [`### Whetstone: ${word} refused (${reason})`, cell(message), cell(remedy)].join("\n\n"),
  };
}
