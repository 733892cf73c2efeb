import { describe, expect, test } from "@jest/globals";
import { openStore } from "../../src/store/open.ts";
import { startChild } from "./child.ts";
import { temporaryPaths } from "./folder.ts";
import { span } from "./spans.ts";

const path = temporaryPaths();

describe("openStore", () => {
  test("a path is a SQLite store", async () => {
    const url = path();
    for (const stored of [1, 0]) {
      await using store = await openStore({ url });
      expect(await store.append([span()])).toMatchObject({ stored });
    }
  });

  test.each(["postgres", "postgresql"])("%s:// is a PostgreSQL store", async (scheme) => {
    await expect(openStore({ url: `${scheme}://user@127.0.0.1:1/db` })).rejects.toMatchObject({
      code: "store_open_failed",
      message: expect.stringContaining("127.0.0.1:1/db"),
    });
  });

  test("the PostgreSQL driver is loaded for PostgreSQL only", async () => {
    const [file, url] = [
      startChild("open-store.ts", [path()]),
      startChild("open-store.ts", ["postgres://127.0.0.1:1/db"]),
    ];
    await Promise.all([file.ended, url.ended]);
    expect(file.lines).toEqual(["pg loaded: false"]);
    expect(url.lines).toEqual(["pg loaded: true"]);
  });
});
