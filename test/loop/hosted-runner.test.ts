import { expect, test } from "@jest/globals";
import { allowNamespaces } from "../../src/loop/hosted-runner.ts";

async function allowed(variables: Readonly<Record<string, string>>, fails = false) {
  const runs: string[] = [];
  const notes: string[] = [];
  await allowNamespaces(variables, {
    note: (line) => void notes.push(line),
    run: async (program, args) => {
      runs.push([program, ...args].join(" "));
      if (fails) throw new Error("a password is required");
    },
  });
  return { runs, notes };
}

const HOSTED = { RUNNER_ENVIRONMENT: "github-hosted", RUNNER_OS: "Linux" };

test("namespaces are allowed on a runner that lives for one job, without asking for a password", async () => {
  expect(await allowed(HOSTED)).toEqual({
    runs: ["sudo -n /usr/sbin/sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0"],
    notes: [],
  });
});

test("on a machine of somebody's own nothing is changed", async () => {
  for (const variables of [{}, { ...HOSTED, RUNNER_ENVIRONMENT: "self-hosted" }, { ...HOSTED, RUNNER_OS: "macOS" }]) {
    expect(await allowed(variables)).toEqual({ runs: [], notes: [] });
  }
});

test("that it failed is told, and left to the session to find out", async () => {
  const { notes } = await allowed(HOSTED, true);
  expect(notes).toEqual(["Namespaces were not allowed: a password is required"]);
});
