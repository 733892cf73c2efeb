import type { StateReader } from "../github/state-port.ts";
import type { Clock } from "../model/time.ts";

/** What a command works with. */
export type CommandContext = {
  /** State branch of the repository that the comment belongs to. */
  readonly state: StateReader;
  readonly clock: Clock;
  /** Every command there is, for `help`. */
  readonly commands: readonly AppCommand[];
};

/** A command's answer: Markdown whose foreign parts have passed the sanitiser, and whether all went well. */
export type Answer = { readonly ok: boolean; readonly body: string };

/** A word after `/whetstone` that people with write permission can use. */
export type AppCommand = {
  readonly word: string;
  /** One line for the help, without Markdown. */
  readonly summary: string;
  /** May throw WhetstoneError; it becomes the answer. */
  readonly run: (context: CommandContext) => Promise<Answer>;
};
