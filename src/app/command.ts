import type { Actor } from "../model/ledger.ts";
import type { ParameterForm, Values } from "./commands/parameters.ts";
import type { HandlerContext } from "./handler.ts";

/** What a command works with. */
export type CommandContext = HandlerContext & {
  /** Who gave it: allowed to, as GitHub said when it was begun. */
  readonly by: Actor;
  readonly place: {
    /** Number of the issue or pull request. */
    readonly conversation: number;
    readonly isPull: boolean;
    /** Id of the comment: the same at every attempt. */
    readonly comment: number;
  };
  readonly values: Values;
  /** Every command there is, for `help`. */
  readonly commands: readonly AppCommand[];
};

/**
 * A command's answer: Markdown whose foreign parts have passed the sanitiser. `running`: it goes on, and a task will say
 * how it ended.
 */
export type Answer = { readonly state: "done" | "failed" | "running"; readonly body: string };

/** A word after `/whetstone` that people with write permission can use. */
export type AppCommand = {
  readonly word: string;
  /** One line for the help, without Markdown. */
  readonly summary: string;
  /** Where it makes sense. */
  readonly on: "anything" | "pull";
  readonly parameters: readonly ParameterForm[];
  /** May throw WhetstoneError; it becomes the answer. */
  readonly run: (context: CommandContext) => Promise<Answer>;
};
