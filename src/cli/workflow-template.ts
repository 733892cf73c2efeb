import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import { packagePath } from "./package-path.ts";

const RELEASE = /^([\w.-]+\/[\w.-]+)@([0-9a-f]{40})$/;

/** What each template names in place of a release. */
const UNRELEASED = /uses: whetstone\/whetstone(\/\S+)?@0{40}\b.*/g;

/** What a template says to those who copy it by hand. */
const COPYING = /^# Copy to \.github\/workflows\/([a-z0-9-]+\.yml) \(or let `whetstone init` do it\)\. ?/;

/**
 * Every workflow of `workflows/`, by the name of its file below `.github/workflows/`, on a release of Whetstone named as
 * `OWNER/REPO@COMMIT`: a commit cannot be moved to other code, a tag can.
 * @throws WhetstoneError `usage` for a release that is not named by its whole commit
 */
export async function workflowsFor(release: string): Promise<ReadonlyMap<string, string>> {
  const [, repository, commit] = RELEASE.exec(release) ?? [];
  if (repository === undefined || commit === undefined) {
    throw new WhetstoneError("usage", `"${release}" does not name a release by its commit.`, {
      remedy: "Write OWNER/REPO@ and the 40 digits of the release's commit.",
    });
  }
  const folder = packagePath("workflows");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yml")).toSorted();
  const filled = names.map(async (name) =>
    fillIn(await readFile(join(folder, name), "utf8"), { name, repository, commit }),
  );
  return new Map(await Promise.all(filled));
}

/** Names of the files that {@link workflowsFor} gives. */
export async function templateNames(): Promise<readonly string[]> {
  return [...(await workflowsFor(`a/b@${"0".repeat(40)}`)).keys()];
}

type Filling = { readonly name: string; readonly repository: string; readonly commit: string };

/** The file's name and its text without what is said to those who copy it. */
function fillIn(template: string, { name, repository, commit }: Filling): readonly [string, string] {
  const text = template
    .replace(COPYING, "# ")
    .replace(/^# \n/, "")
    .replaceAll(/^ *# Pin a release.*\n/gm, "")
    .replaceAll(UNRELEASED, (_use, path: string | undefined) => `uses: ${repository}${path ?? ""}@${commit}`);
  return [COPYING.exec(template)?.[1] ?? ownName(name), text];
}

/** In a folder that other workflows are in too, one of ours is known by its name. */
function ownName(name: string): string {
  return name.startsWith("whetstone") ? name : `whetstone-${name}`;
}
