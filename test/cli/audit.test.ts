import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import Papa from "papaparse";
import { openGitState } from "../../src/github/git-state.ts";
import { LedgerRecord } from "../../src/model/ledger.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendLedger } from "../../src/protect/ledger.ts";
import { CSV_HEAD, csvLine } from "../../src/cli/run/audit-export.ts";
import { entries, entry } from "../protect/ledger-entries.ts";
import { whetstone } from "../support/whetstone.ts";

const clock = manualClock(BigInt(Date.parse("2026-11-20T10:00:00Z")) * 1_000_000n);
let folder = "";
const cli = (...args: string[]) => whetstone(["audit", ...args], { cwd: folder });
const json = async (...args: string[]) => {
  const ended = await cli(...args, "--json");
  return { code: ended.code, value: JSON.parse(ended.out) as Record<string, unknown> };
};
const state = () => openGitState({ cwd: folder, now: clock.now });
const seqs = ({ value }: { value: Record<string, unknown> }) =>
  (value["records"] as readonly { seq: number }[]).map(({ seq }) => seq);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-audit-"));
  execFileSync("git", ["init", "-q"], { cwd: folder });
  await appendLedger(state(), entries(9), { clock });
  const formula = { ...entry(10), result: '=HYPERLINK("http://example.org","x")', operation: "validate" };
  clock.advance(3_600_000);
  await appendLedger(state(), [formula], { clock });
}, 180_000);
afterAll(() => rm(folder, { recursive: true }));

describe("audit show", () => {
  test("the newest last, with how many there are and how to go on", async () => {
    const shown = await cli("show", "--limit", "2");
    expect(shown).toMatchObject({ code: 0, err: "" });
    expect(shown.out).toMatch(/seq +time +actor +operation +target +decision +reason +result/);
    expect(shown.out).toContain("2 of 10 records. Older ones: --cursor 9");
    expect(seqs(await json("show", "--limit", "3", "--cursor", "9"))).toEqual([6, 7, 8]);
    expect(await readdir(join(folder, ".whetstone"))).toContain("ledger-index.db");
  });

  test.each([
    [["--actor", "run-4"], [4]],
    [["--actor", "workflow:run-4"], [4]],
    [["--actor", "person:"], []],
    [["--operation", "validate"], [10]],
    [
      ["--target", "notes", "--decision", "deny"],
      [1, 3, 5, 7, 9],
    ],
    [["--reason", "disabled"], []],
    [["--since", "2026-11-20T10:00:00.000001Z"], [10]],
    [
      ["--until", "2026-11-20T11:00:00Z", "--decision", "allow"],
      [2, 4, 6, 8],
    ],
  ])("%j", async (flags, expected) => {
    const page = await json("show", ...flags);
    expect(page).toMatchObject({
      code: 0,
      value: { total: expected.length, returned: expected.length, nextCursor: null },
    });
    expect(seqs(page)).toEqual(expected);
  });

  test.each([
    ["show", "--limit", "0"],
    ["show", "--limit", "many"],
    ["show", "--cursor", "-1"],
    ["show", "--decision", "maybe"],
    ["show", "--reason", "because"],
    ["show", "--since", "yesterday"],
    ["verify", "--anchor", "12"],
    ["verify", "--kid", "mine"],
  ])("%s %s %s is refused as usage", async (...args) => {
    expect(await json(...args)).toMatchObject({
      code: 2,
      value: { error: { code: "usage", remedy: expect.any(String) } },
    });
  });

  test("without records that fit it says so", async () => {
    expect((await cli("show", "--target", "none")).out).toBe("No record fits.\n");
  });
});

describe("audit export", () => {
  test("ndjson: every record as it stands", async () => {
    const ended = await cli("export");
    expect(ended).toMatchObject({ code: 0, err: "10 of 10 records.\n" });
    const view = await state().view();
    expect(ended.out).toBe(await view.read("ledger/2026-11.ndjson"));
    expect((await cli("export", "--decision", "deny")).err).toBe("5 of 10 records.\n");
  });

  test("csv: parses back, and no cell is a formula", async () => {
    const ended = await cli("export", "--format", "csv");
    const { data, errors } = Papa.parse<Record<string, string>>(ended.out.trim(), { header: true });
    expect(errors).toEqual([]);
    expect(data).toHaveLength(10);
    expect(data[9]?.["result"]).toBe(`'=HYPERLINK("http://example.org","x")`);
    expect(data[2]).toMatchObject({ seq: "3", authorization: "a3", rollback: "", actor_id: "run-3" });
    const cells = data.flatMap((row) => Object.values(row));
    expect(cells.filter((cell) => /^[=+@|%-]/.test(cell))).toEqual([]);
  });

  test("the head names every field of a record", () => {
    const fields = Object.keys(LedgerRecord.shape).filter((name) => name !== "schema" && name !== "actor");
    const snake = fields.map((name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    expect(CSV_HEAD.trim().split(",").sort()).toEqual([...snake, "actor_id", "actor_type"].sort());
    const record = LedgerRecord.parse({
      ...entry(5),
      schema: "whetstone.ledger/1",
      seq: 1,
      time: "2026-11-20T10:00:00.000000Z",
      previous: "0".repeat(64),
      digest: "0".repeat(64),
    });
    expect(csvLine(record).split(",")).toHaveLength(CSV_HEAD.split(",").length);
  });

  test("an unknown format is refused", async () => {
    expect((await cli("export", "--format", "xlsx")).code).toBe(2);
  });
});

describe("audit verify and sign", () => {
  test("unsigned is said; signing covers all up to itself; another key is not this one", async () => {
    const unsigned = await cli("verify");
    expect(unsigned).toMatchObject({ code: 0 });
    expect(unsigned.out).toContain("The ledger verifies: 10 records");
    expect(unsigned.out).toContain("No record is signed");
    const signed = await json("sign");
    // Publishing the key is a record, and signing is one.
    expect(signed).toMatchObject({ code: 0, value: { seq: 12 } });
    const { kid, seq, digest } = signed.value as { kid: string; seq: number; digest: string };
    expect((await cli("verify")).out).toContain(`Signed up to record 12 by person`);
    const anchored = await json("verify", "--kid", kid, "--anchor", `${seq}:${digest}`);
    expect(anchored).toMatchObject({ code: 0, value: { ok: true, signed: { upTo: { seq: 12, kid }, unsigned: 0 } } });
    expect(await json("verify", "--kid", "0".repeat(16))).toMatchObject({ code: 1, value: { ok: false } });
    expect(await json("verify", "--anchor", `${seq}:${"0".repeat(64)}`)).toMatchObject({ code: 1, value: { seq: 12 } });
  });

  test("an altered ledger is not signed and not asked, but can be exported", async () => {
    const before = execFileSync("git", ["rev-parse", "whetstone/state"], { cwd: folder, encoding: "utf8" }).trim();
    await state().update("forge", async (view) => {
      const text = (await view.read("ledger/2026-11.ndjson")) ?? "";
      return { change: new Map([["ledger/2026-11.ndjson", text.replace("outcome 4", "outcome 5")]]), value: undefined };
    });
    expect(await json("verify")).toMatchObject({ code: 1, value: { ok: false, seq: 4 } });
    expect((await cli("verify")).out).toContain("does not verify at record 4: record 4 was changed");
    expect(await json("sign")).toMatchObject({ code: 1, value: { error: { code: "ledger_broken" } } });
    await rm(join(folder, ".whetstone/ledger-index.db"));
    expect(await json("show")).toMatchObject({ code: 1, value: { error: { code: "ledger_broken" } } });
    expect((await cli("export")).err).toBe("12 of 12 records.\n");
    execFileSync("git", ["update-ref", "refs/heads/whetstone/state", before], { cwd: folder });
    expect((await cli("verify")).code).toBe(0);
  });

  test("where the index cannot be written it is made in memory, which is said", async () => {
    await rm(join(folder, ".whetstone/ledger-index.db"), { force: true });
    const elsewhere = join(folder, ".whetstone");
    await rm(`${elsewhere}-aside`, { recursive: true, force: true });
    execFileSync("mv", [elsewhere, `${elsewhere}-aside`]);
    await writeFile(elsewhere, "in the way");
    const shown = await cli("show", "--limit", "1");
    expect(shown).toMatchObject({ code: 0, err: expect.stringContaining("made in memory") });
    expect(shown.out).toContain("1 of 12 records.");
    await rm(elsewhere);
    execFileSync("mv", [`${elsewhere}-aside`, elsewhere]);
  });
});
