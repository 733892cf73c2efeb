import { expect, test } from "@jest/globals";
import { originName, repositoryRoot } from "../../src/github/repository.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

test.each([
  ["https://github.com/octo-org/notes.git", "octo-org/notes"],
  ["https://token@ghe.example.test/octo-org/notes/", "octo-org/notes"],
  ["git@github.com:octo-org/notes.git", "octo-org/notes"],
  ["ssh://git@github.com/octo-org/no.tes", "octo-org/no.tes"],
])("the remote %s is of %s", async (url, name) => {
  await using repository = await temporaryRepository();
  await repository.git("remote", "add", "origin", url);
  expect(await originName(repository.root)).toBe(name);
});

test("without a remote, or outside a repository, there is no name", async () => {
  await using repository = await temporaryRepository();
  expect(await originName(repository.root)).toBeUndefined();
  await using folder = await temporaryFolder();
  expect(await originName(folder.path)).toBeUndefined();
  await expect(repositoryRoot(folder.path)).rejects.toMatchObject({ code: "not_a_repository" });
});
