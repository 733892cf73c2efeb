import { describe, expect, test } from "@jest/globals";
import { openMemoryForge } from "../../src/github/memory.ts";
import { propose, type ProposeInput } from "../../src/loop/propose.ts";
import type { Lease } from "../../src/protect/lease.ts";
import { formatReport } from "../../src/propose/report.ts";
import type { Workspace } from "../../src/wire.ts";
import { parts, proposal, validation } from "../propose/parts.ts";

const BRANCH = `whetstone/proposal/notes/${"f".repeat(12)}`;

/** A run that comes to its proposal, over a forge in memory. */
async function arrived() {
  const forge = openMemoryForge({ files: { "src/a.ts": "old\n" }, apply: () => ({ "src/a.ts": "new\n" }) });
  const { sha } = await forge.head();
  const branches = async () => (await forge.proposals("whetstone")).map(({ branch }) => branch);
  const told: { branch: string; standing: readonly string[] }[] = [];
  const releases: (() => Promise<void>)[] = [];
  const lease = {
    addBranch: async ({ branch }: { branch: string }) => void told.push({ branch, standing: await branches() }),
  } as unknown as Lease;
  const run = {
    workspace: { forge } as unknown as Workspace,
    files: new Map<string, string | Uint8Array>(),
    lease,
    defer: (release: () => Promise<void>) => void releases.push(release),
  };
  const on = { ...parts, proposal: { ...proposal, baseSha: sha }, validation: { ...validation, baseSha: sha } };
  const input = (recorded: boolean): ProposeInput => ({ parts: on, recorded: () => recorded });
  const dispose = async (): Promise<void> => {
    for (const release of releases.toReversed()) await release();
  };
  return { forge, branches, told, run, input, on, dispose };
}

describe("propose", () => {
  test("notes the branch in the lease before it stands, and keeps the report", async () => {
    const { run, input, on, told, branches } = await arrived();
    expect(await propose(run, input(true))).toMatchObject({ verdict: "pass", value: { branch: BRANCH } });
    expect(told).toEqual([{ branch: BRANCH, standing: [] }]);
    expect(await branches()).toEqual([BRANCH]);
    expect([...run.files]).toEqual([["report.md", formatReport(on)]]);
  });

  test("takes the branch back when the run ends without a record, and leaves it otherwise", async () => {
    const failed = await arrived();
    await propose(failed.run, failed.input(false));
    await failed.dispose();
    expect(await failed.branches()).toEqual([]);
    const done = await arrived();
    await propose(done.run, done.input(true));
    await done.dispose();
    expect(await done.branches()).toEqual([BRANCH]);
  });

  test("takes nothing back that was there before the run", async () => {
    const { run, input, branches, dispose, told } = await arrived();
    await propose(run, input(true));
    await propose(run, input(false));
    expect(told).toHaveLength(1);
    await dispose();
    expect(await branches()).toEqual([BRANCH]);
  });

  test("leaves no report of what it refused", async () => {
    const { run, on, branches } = await arrived();
    const refused = { ...on, validation: { ...on.validation, verdict: "fail" as const } };
    expect(await propose(run, { parts: refused, recorded: () => false })).toMatchObject({ verdict: "fail" });
    expect([run.files.size, await branches()]).toEqual([0, []]);
  });
});
