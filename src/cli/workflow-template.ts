import { readFile } from "node:fs/promises";
import { WhetstoneError } from "../model/error.ts";
import { packagePath } from "./package-path.ts";

const RELEASE = /^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/;

/**
 * The workflow that starts the loop by *Run workflow*, on a release of Whetstone named as `OWNER/REPO@COMMIT`: a commit
 * cannot be moved to other code, a tag can.
 * @throws WhetstoneError `usage` for a release that is not named by its whole commit
 */
export async function workflowFor(release: string): Promise<string> {
  if (!RELEASE.test(release)) {
    throw new WhetstoneError("usage", `"${release}" does not name a release by its commit.`, {
      remedy: "Write OWNER/REPO@ and the 40 digits of the release's commit.",
    });
  }
  const [repository, commit] = release.split("@");
  const [copying, ...lines] = (await readFile(packagePath("workflows/loop.yml"), "utf8")).split("\n");
  if (copying?.startsWith("# Copy") !== true) throw new WhetstoneError("defect", "The template begins otherwise.");
  return lines
    .join("\n")
    .replace(/^ *# Pin a release.*\n/m, "")
    .replace(
      /uses: \S+\/\.github\/workflows\/loop\.yml@\S+.*/,
      `uses: ${repository}/.github/workflows/loop.yml@${commit}`,
    );
}
