import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { dossierPath } from "../../src/cli/dossier-path.ts";
import { readProposal } from "../../src/cli/proposal-file.ts";
import { writeDossier, type DossierHead } from "../../src/protect/dossier.ts";
import { evidence, proposal, session, validation } from "../propose/parts.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

const head: DossierHead = {
  id: "d-1",
  run: "r-1",
  target: "notes",
  createdAt: "2026-11-20T10:00:00.000Z",
  baseSha: proposal.baseSha,
  recorded: [],
  verdict: "promoted",
  reasons: ["ok"],
  stages: [],
};
const whole: Readonly<Record<string, unknown>> = {
  "session/record.json": session,
  "proposal.json": proposal,
  "evidence/evidence.json": evidence,
  "validation/report.json": validation,
};

/** A repository whose work folder holds a dossier of these files. */
async function repositoryWith(files: Readonly<Record<string, unknown>>) {
  const repository = await temporaryRepository();
  const contents = Object.entries(files).map(
    ([path, value]) => [path, typeof value === "string" ? value : JSON.stringify(value)] as const,
  );
  await writeDossier(join(repository.root, ".whetstone/dossiers"), head, new Map(contents));
  return repository;
}

describe("readProposal", () => {
  test("reads a recorded session, and a proposal that is bound already", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "session.json"), JSON.stringify(session));
    await writeFile(join(folder.path, "proposal.json"), JSON.stringify(proposal));
    expect(await readProposal("session.json", folder.path)).toEqual({ session });
    expect(await readProposal(join(folder.path, "proposal.json"), "/")).toEqual({ proposal });
  });

  test("reads all that a dossier has, by its folder or its id", async () => {
    await using repository = await repositoryWith(whole);
    const all = { session, proposal, evidence, validation };
    expect(await readProposal(".whetstone/dossiers/d-1", repository.root)).toEqual(all);
    expect(await readProposal("d-1", repository.root)).toEqual(all);
    await mkdir(join(repository.root, "deep/er"), { recursive: true });
    expect(await readProposal("d-1", join(repository.root, "deep/er"))).toEqual(all);
  });

  test("reads what a run that ended early left", async () => {
    await using looked = await repositoryWith({ "evidence/evidence.json": evidence });
    expect(await readProposal("d-1", looked.root)).toEqual({ evidence });
    await using empty = await repositoryWith({});
    expect(await readProposal("d-1", empty.root)).toEqual({});
  });

  test.each([
    ["no JSON", "{"],
    ["of another schema", JSON.stringify({ ...session, schema: "whetstone.session/9" })],
    ["without a schema", "{}"],
    ["a proposal with a field too many", JSON.stringify({ ...proposal, extra: 1 })],
    ["a list", "[]"],
  ])("refuses a file that is %s by its name", async (_name, text) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "file.json"), text);
    await expect(readProposal("file.json", folder.path)).rejects.toMatchObject({
      code: "session_invalid",
      message: expect.stringContaining("file.json"),
    });
  });

  test("a missing file and a missing dossier are told apart", async () => {
    await using repository = await temporaryRepository();
    await expect(readProposal("none.json", repository.root)).rejects.toMatchObject({ code: "session_invalid" });
    await expect(readProposal("d-none", repository.root)).rejects.toMatchObject({ code: "not_found" });
    await expect(readProposal("./d-none", repository.root)).rejects.toMatchObject({ code: "not_found" });
  });

  test.each(Object.keys(whole))(
    "a dossier whose %s does not hold what it should is refused by that name",
    async (file) => {
      for (const content of ["{", "[]", JSON.stringify({ ...(whole[file] as object), extra: 1 })]) {
        await using repository = await repositoryWith({ ...whole, [file]: content });
        await expect(readProposal("d-1", repository.root)).rejects.toMatchObject({
          code: "dossier_mismatch",
          message: expect.stringContaining(file),
          data: { file },
        });
      }
    },
  );

  test("a dossier that was altered is refused", async () => {
    await using repository = await repositoryWith(whole);
    await writeFile(join(repository.root, ".whetstone/dossiers/d-1/proposal.json"), JSON.stringify(proposal, null, 1));
    await expect(readProposal("d-1", repository.root)).rejects.toMatchObject({ code: "dossier_mismatch" });
  });
});

describe("dossierPath", () => {
  test("what exists is taken as it is, relative to where the command runs", async () => {
    await using repository = await temporaryRepository();
    await repository.write({ "sub/d-1/file": "" });
    expect(await dossierPath("d-1", join(repository.root, "sub"))).toBe(join(repository.root, "sub/d-1"));
    expect(await dossierPath("sub/d-1", repository.root)).toBe(join(repository.root, "sub/d-1"));
    expect(await dossierPath("/etc", repository.root)).toBe("/etc");
  });

  test("a bare name that does not exist is an id below the repository's dossiers", async () => {
    await using repository = await temporaryRepository();
    await repository.write({ "sub/file": "" });
    const path = join(await realpath(repository.root), ".whetstone/dossiers/d-1");
    expect(await dossierPath("d-1", repository.root)).toBe(path);
    expect(await dossierPath("d-1", join(repository.root, "sub"))).toBe(path);
  });

  test("a path that does not exist stays a path; an id needs a repository", async () => {
    await using folder = await temporaryFolder();
    expect(await dossierPath("a/b", folder.path)).toBe(join(folder.path, "a/b"));
    expect(await dossierPath("../b", folder.path)).toBe(join(folder.path, "../b"));
    await expect(dossierPath("d-1", folder.path)).rejects.toMatchObject({ code: "not_a_repository" });
  });
});
