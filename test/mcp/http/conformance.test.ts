import { expect, test } from "@jest/globals";
import { everything } from "../../capture/http/fixtures/modern-server.ts";
import { listening } from "../../capture/http/parts.ts";
import { twoWires } from "../../capture/http/fixtures/two-wires.ts";
import { startHttp } from "../../../src/mcp/http/start.ts";
import { manualClock } from "../../../src/model/time.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { runConformance } from "../conformance-suite.ts";

/**
 * The suite's own fixture server through this room's HTTP: what needs fixtures, and `conformance.test.ts` beside this
 * folder cannot ask of the real server, is asked here of the layer below it.
 */
test("the stateless suite finds the same of a fixture server behind our HTTP as behind the SDK's alone", async () => {
  await using folder = await temporaryFolder();
  await using ours = await startHttp({
    open: () => everything(),
    clock: manualClock(),
    host: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    onError: () => undefined,
  });
  await using theirs = await listening(twoWires().handler);
  const revision = "2026-07-28";
  const found = await runConformance(new URL(ours.url), { revision, folder: `${folder.path}` });
  await using other = await temporaryFolder();
  const expected = await runConformance(theirs.url, { revision, folder: other.path });
  const ids = (scenarios: ReadonlyMap<string, readonly { id: string }[]>) =>
    Object.fromEntries([...scenarios].map(([name, failures]) => [name, failures.map(({ id }) => id).sort()]));
  expect(Object.keys(ids(found)).length).toBeGreaterThanOrEqual(40);
  expect(ids(found)).toEqual(ids(expected));
}, 120_000);
