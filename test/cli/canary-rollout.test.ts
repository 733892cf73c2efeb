import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Rollout } from "../../src/canary/rollout-record.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { openStore } from "../../src/store/open.ts";
import { relayedCall } from "../capture/relayed.ts";
import { temporaryRepository, type TestRepository } from "../support/git-repository.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";

const CONFIG = `version: 1
targets:
  notes:
    command: node server.mjs
    source: ["src/**"]
    workload: workload.json
    deployment:
      expose: echo "$WHETSTONE_PERCENT" >> exposed.log
      promote: echo "$WHETSTONE_CANDIDATE" > promoted
      rollback: touch taken-back
      minimumCalls: 20
      steps:
        - { percent: 25, minutes: 0 }
        - { percent: 50, minutes: 0 }
`;

let repository: TestRepository;
let candidate = "";
beforeAll(async () => {
  repository = await temporaryRepository();
  await repository.git("config", "user.name", "t");
  await repository.git("config", "user.email", "t@t");
  candidate = await repository.commit({ "whetstone.yaml": CONFIG, ".gitignore": ".whetstone/\nexposed.log\n" });
});
afterAll(async () => {
  await repository[Symbol.asyncDispose]();
});

const cli = (...args: string[]): Promise<Ended> => whetstone(args, { cwd: repository.root });
const run = async (...args: string[]): Promise<{ code: number | null; rollout: Rollout }> => {
  const ended = await cli("canary", "run", "--once", "--json", ...args);
  return { code: ended.code, rollout: Rollout.parse(JSON.parse(ended.out)) };
};

/** A token for an operation on the candidate, asked for and granted as a person would. */
async function tokenFor(operation: string): Promise<string> {
  const asked = JSON.parse((await cli("authorize", "request", operation, "--base", candidate, "--json")).out);
  return (await cli("authorize", "grant", asked.id)).out.trim();
}

/** Calls of both arms that begin now; `bad` of the canary's fail. */
async function serve(calls: number, bad: number): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const spans = (["canary", "baseline"] as const).flatMap((arm) =>
    Array.from({ length: calls }, (_, i): Span => {
      const isBad = arm === "canary" ? i < bad : i % 20 === 0;
      return relayedCall((served += 1), {
        startNs: now,
        durationNs: 10_000_000 + 1_000 * ((i * 7919) % 997),
        status: isBad ? "error" : "ok",
        service: "notes",
        resource: { [ATTR.serviceName]: "notes", [ATTR.arm]: arm },
        attributes: {
          [ATTR.mcpMethod]: "tools/call",
          [ATTR.toolName]: "search",
          [ATTR.mcpSession]: `${arm}-${served}`,
        },
      });
    }),
  );
  await using store = await openStore({ url: join(repository.root, ".whetstone", "whetstone.db") });
  await store.append(spans);
}
let served = 0;

describe("canary run", () => {
  test("needs permission for exactly this candidate", async () => {
    const ended = await cli("canary", "run", "--once", "--json");
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out).error).toMatchObject({ code: "unauthorized", reason: "authorization_missing" });
    expect((await cli("canary", "status")).err).toContain("There is no rollout of notes");
  });

  test("goes through the steps by the judge's verdicts, one process after the other, to the promotion", async () => {
    const first = await run("--token", await tokenFor("canary.promote"));
    expect(first).toMatchObject({ code: 3, rollout: { phase: "exposure", step: 0, candidate } });
    await serve(400, 20);
    const over = await run();
    expect(over.rollout.history.map(({ phase }) => phase)).toEqual([
      "exposure_change",
      "exposure",
      "exposure_change",
      "exposure",
    ]);
    const status = JSON.parse((await cli("canary", "status", "--json")).out);
    expect(status).toMatchObject({ rollout: { phase: "exposure", step: 1 }, verdict: { calls: { control: 400 } } });
    // The calls so far are of the step before.
    await serve(1_200, 60);
    expect(await run()).toMatchObject({ code: 0, rollout: { phase: "promoted" } });
    expect(await readFile(join(repository.root, "promoted"), "utf8")).toBe(`${candidate}\n`);
    expect(await readFile(join(repository.root, "exposed.log"), "utf8")).toBe("25\n50\n");
    const verified = await cli("audit", "verify", "--json");
    expect(verified.code).toBe(0);
  });

  test("takes a harmful candidate back, and a person can", async () => {
    const begun = await run("--token", await tokenFor("canary.promote"));
    expect(begun.rollout.phase).toBe("exposure");
    await serve(300, 120);
    expect(await run()).toMatchObject({ code: 1, rollout: { phase: "rolled_back" } });
    const again = await run("--token", await tokenFor("canary.promote"));
    expect(again.rollout.phase).toBe("exposure");
    expect((await cli("canary", "rollback")).code).toBe(1);
    const decided = await cli("canary", "rollback", "--token", await tokenFor("canary.rollback"));
    expect([decided.code, decided.err]).toEqual([0, expect.stringContaining("It is on record")]);
    const over = await run();
    expect(over.rollout.history.at(-1)).toMatchObject({ phase: "rolled_back", reasons: ["decided_by_person"] });
    expect((await cli("canary", "promote")).err).toContain("cannot be decided");
  });
});
