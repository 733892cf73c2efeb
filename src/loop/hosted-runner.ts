import { execFile } from "node:child_process";
import { messageOf } from "../model/error.ts";

/** Ubuntu 24.04 lets no ordinary user make namespaces; on a runner of GitHub's, which lives for one job, that is ours to allow. */
const ALLOW = ["-n", "/usr/sbin/sysctl", "-q", "-w", "kernel.apparmor_restrict_unprivileged_userns=0"] as const;

/** Runs a program to its end; rejects when it fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<unknown>;

/**
 * Lets the walls of a session be built on a runner of GitHub's own. Changes nothing on any other machine. Whether they can be
 * built is found out when they are, so a failure is only told.
 */
export async function allowNamespaces(
  variables: Readonly<Record<string, string | undefined>>,
  { note, run = runProgram }: { readonly note: (line: string) => void; readonly run?: RunProgram },
): Promise<void> {
  if (variables["RUNNER_ENVIRONMENT"] !== "github-hosted" || variables["RUNNER_OS"] !== "Linux") return;
  await run("sudo", ALLOW).catch((error: unknown) => note(`Namespaces were not allowed: ${messageOf(error)}`));
}

function runProgram(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 10_000, env: { PATH: "/usr/bin:/bin" } }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
