import { describe, expect, test } from "@jest/globals";
import { confinementOf, type SeenBy } from "../../src/loop/confinement.ts";

const SEEN: SeenBy = {
  sandbox: "if-possible",
  packageRoot: "/home/u/project/node_modules/whetstone",
  node: "/home/u/.nvm/versions/node/v24.1.0/bin/node",
  storeUrl: "/home/u/project/.whetstone/whetstone.db",
  path: "/home/u/bin:relative::/usr/bin:/",
  worktrees: "/home/u/project/.whetstone/worktrees",
};

const paths = (kind: string, places: readonly { kind: string; path: string }[] = []): string[] =>
  places.filter((place) => place.kind === kind).map(({ path }) => path);

describe("what sessions and checks see", () => {
  test("the server's package and its store's files, and nothing that holds a key, a history or a home", () => {
    const { session = [] } = confinementOf(SEEN) ?? {};
    expect(paths("write", session)).toEqual([SEEN.storeUrl, `${SEEN.storeUrl}-wal`, `${SEEN.storeUrl}-shm`]);
    const read = paths("read", session);
    expect(read).toEqual(expect.arrayContaining([`${SEEN.packageRoot}/bin`, "/home/u/project/node_modules"]));
    for (const secret of [
      "/",
      "/home",
      "/home/u",
      "/home/u/project",
      "/home/u/project/.git",
      "/home/u/project/.whetstone/keys",
    ]) {
      for (const path of [...read, ...paths("write", session)]) expect(`${secret}/`.startsWith(`${path}/`)).toBe(false);
    }
  });

  test("Node with what was installed beside it; packages above the worktree; folders of the path that are folders", () => {
    const read = paths("read", confinementOf(SEEN)?.checks);
    expect(read).toEqual([
      "/home/u/.nvm/versions/node/v24.1.0/bin",
      "/home/u/.nvm/versions/node/v24.1.0/lib/node_modules",
      "/home/u/bin",
      "/usr/bin",
      "/home/u/project/.whetstone/worktrees/node_modules",
      "/home/u/project/.whetstone/node_modules",
      "/home/u/project/node_modules",
      "/home/u/node_modules",
      "/home/node_modules",
      "/node_modules",
    ]);
  });

  test.each([
    ["/usr/bin/node", ["/usr/bin", "/usr/lib/node_modules"]],
    ["/home/u/bin/node", ["/home/u/bin", "/home/u/lib/node_modules"]],
    ["/home/u/node", ["/home/u/node"]],
  ])("of %s: %j", (node, places) => {
    expect(paths("read", confinementOf({ ...SEEN, node })?.checks).slice(0, places.length)).toEqual(places);
  });

  test("a server's database is no file; the setting may ask for walls, or want none", () => {
    expect(paths("write", confinementOf({ ...SEEN, storeUrl: "postgres://u:p@h/db" })?.session)).toEqual([]);
    expect(confinementOf({ ...SEEN, sandbox: "off" })).toBeUndefined();
    expect(confinementOf({ ...SEEN, sandbox: "required" })).toMatchObject({ required: true });
    expect(confinementOf(SEEN)).toMatchObject({ required: false });
  });
});
