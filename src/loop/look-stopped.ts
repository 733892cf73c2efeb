import { describeStop, isRunning } from "../model/stop.ts";
import { type GitHubPlace, openProtection } from "../wire.ts";

/** What the kill switch of a repository on GitHub says. */
export type Standing = { readonly stopped: boolean; readonly text: string };

/**
 * Reads the kill switch of a repository on GitHub with a token that reads. What cannot be read counts as stopped.
 * @param root folder whose own flag counts as well
 */
export async function lookStopped(github: GitHubPlace, root: string): Promise<Standing> {
  const state = await openProtection(root, undefined, github).killSwitch.look();
  if (isRunning(state)) return { stopped: false, text: "the kill switch is not set" };
  return { stopped: true, text: `the kill switch is set; ${describeStop(state)}` };
}
