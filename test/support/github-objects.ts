import { z } from "zod";

/** Asks the emulator; paths are below the repository. */
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ readonly status: number; readonly data: unknown }>;

/** An answer that names an object. */
export const Sha = z.object({ sha: z.string() });
const Ref = z.object({ object: Sha });

/** The commit that a branch points to. */
export async function tip(ask: Ask, branch: string): Promise<string | undefined> {
  const { status, data } = await ask("GET", `git/ref/heads/${branch}`);
  return status === 200 ? Ref.parse(data).object.sha : undefined;
}
