import { readFileSync } from "node:fs";
import { openGitState } from "../../../src/github/git-state.ts";
import { codeOf } from "../../../src/model/error.ts";
import { reasonOf } from "../../../src/protect/authorization/denial.ts";
import { useAuthorization } from "../../../src/protect/authorization/use.ts";
import { openDesk, USE } from "./desk.ts";

/** A user of a token in a process of its own: `node one-use.ts ROOT`, token on standard input; prints what came of it. */
const state = openGitState({ cwd: process.argv[2] ?? "", now: () => 1_760_000_000_000_000_000n });
const token = readFileSync(0, "utf8");
try {
  await useAuthorization(openDesk({ state }), token, USE);
  process.stdout.write("used");
} catch (error) {
  process.stdout.write(reasonOf(error) ?? codeOf(error) ?? "unknown");
}
