import { WhetstoneError } from "../../model/error.ts";
import { nearest } from "../../model/nearest.ts";
import type { CommandContext } from "../command.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";

/**
 * The target that a command is about: the one it names, the one of the pull request it stands on, or the only one.
 * @throws WhetstoneError `usage` for an unknown one, naming the nearest, and for none where there are several
 */
export async function targetOf({ repository, values, place }: CommandContext): Promise<string> {
  const { targets } = await repository.config();
  const known = Object.keys(targets);
  const named = values["target"];
  if (named !== undefined && known.includes(named)) return named;
  if (named !== undefined) throw unknownTarget(named, known);
  const proposed = place.isPull ? (await proposalOfPull(repository, place.conversation))?.target : undefined;
  const [only] = known;
  const found = proposed ?? (known.length === 1 ? only : undefined);
  if (found !== undefined) return found;
  throw new WhetstoneError("usage", `whetstone.yaml of the default branch names ${known.length} targets.`, {
    remedy: known.length === 0 ? "Add a target to it." : `Name one of them: ${known.join(", ")}.`,
  });
}

function unknownTarget(named: string, known: readonly string[]): WhetstoneError {
  const near = nearest(named, known);
  const hint = near === undefined ? `There are: ${known.join(", ") || "none"}.` : `Did you mean "${near}"?`;
  return new WhetstoneError("usage", `whetstone.yaml of the default branch has no target "${named}".`, {
    remedy: hint,
  });
}
