import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  assertAnswers,
  assertSameAttempt,
  ONLY_LOOKS,
  openOrder,
  ORDER_FILE,
  orderedState,
  packOrder,
  RelayOrder,
} from "../../src/loop/relay-order.ts";
import { CommitSha } from "../../src/model/json.ts";
import { digestOf, sha256 } from "../../src/protect/digest.ts";
import type { OpenDossier } from "../../src/protect/dossier.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";

const SHA = CommitSha.parse("a".repeat(40));
const order: RelayOrder = {
  schema: "whetstone.relay-order/1",
  run: "r-1",
  target: "notes",
  baseSha: SHA,
  made: { id: 17, attempt: 1 },
  dryRun: false,
  asked: { mode: "refinement", session: { kind: "claude", budgetUsd: 1.5 }, question: "Why?" },
  budget: { id: "r-1", day: "2026-11-20", reserved: { usd: 1.5, tokens: 9 } },
  permission: { authorization: "a-1", actor: { type: "person", id: "ada" }, subject: digestOf("s") },
  state: { tip: SHA, files: { "outcomes/o-1.json": "{}", "sessions/r-1.json": "[]" } },
};

/** A dossier under way that carries this text. */
function carrying(text: string | undefined, manifest: Partial<OpenDossier["manifest"]> = {}): OpenDossier {
  const head = { run: "r-1", target: "notes", baseSha: SHA, ...manifest } as OpenDossier["manifest"];
  return { manifest: head, bytes: () => undefined, text: (path) => (path === ORDER_FILE ? text : undefined) };
}

describe("an order", () => {
  test("is taken as it was given, with the digest that was announced", () => {
    const { text, digest } = packOrder(order);
    expect(openOrder(carrying(text), digest)).toEqual(order);
  });

  test("is refused when it is missing, or nothing was announced", () => {
    const { text, digest } = packOrder(order);
    expect(() => openOrder(carrying(undefined), digest)).toThrow("is missing");
    expect(() => openOrder(carrying(text), undefined)).toThrow("announced as nothing");
  });

  test("is refused when any job on the way altered anything of it", () => {
    const { text, digest } = packOrder(order);
    const where = fc.integer({ min: 0, max: text.length - 1 });
    fc.assert(
      fc.property(where, fc.integer({ min: 1, max: 127 }), (at, by) => {
        const other = String.fromCharCode((text.charCodeAt(at) + by) % 128);
        const altered = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
        expect(() => openOrder(carrying(altered), digest)).toThrow("is not the one that the gate announced");
      }),
    );
  });

  test("is refused when it is of another run, target or commit, or of another form", () => {
    const { text, digest } = packOrder(order);
    const other = CommitSha.parse("b".repeat(40));
    for (const manifest of [{ run: "r-2" }, { target: "other" }, { baseSha: other }]) {
      expect(() => openOrder(carrying(text, manifest), digest)).toThrow("is of the run r-1 on notes");
    }
    const odd = packOrder({ ...order, asked: ONLY_LOOKS });
    const forged = odd.text.replace('"mode":"analysis"', '"mode":"anything"');
    expect(() => openOrder(carrying(forged), sha256(forged))).toThrow("does not hold what it should");
  });

  test("has no place for a key or a token", () => {
    const withToken = { ...order, permission: { ...order.permission, token: "wha1.x.y" } };
    expect(RelayOrder.safeParse(withToken).success).toBe(false);
    expect(RelayOrder.safeParse({ ...order, key: "k" }).success).toBe(false);
  });
});

describe("the state that an order carries", () => {
  const state = orderedState(order);

  test("is read as the branch was", async () => {
    const view = await state.view();
    expect(view.head).toBe(SHA);
    expect(await view.list("outcomes/")).toEqual(["outcomes/o-1.json"]);
    expect([await view.read("sessions/r-1.json"), await view.read("toString")]).toEqual(["[]", undefined]);
  });

  test("cannot be written, not even by mistake", async () => {
    const write = state.update("Forget it", async () => ({ change: new Map([["outcomes/o-1.json", null]]), value: 1 }));
    await expect(write).rejects.toMatchObject({ code: "defect", message: expect.stringContaining("Forget it") });
    expect(await state.update("nothing", async () => ({ change: new Map(), value: 7 }))).toBe(7);
  });
});

describe("one session for one attempt", () => {
  test("is all that a permission lets through", () => {
    expect(() => assertSameAttempt(order, { id: 17, attempt: 1 })).not.toThrow();
    expect(() => assertSameAttempt({ made: null }, undefined)).not.toThrow();
    for (const other of [{ id: 17, attempt: 2 }, { id: 18, attempt: 1 }, undefined]) {
      expect(() => assertSameAttempt(order, other)).toThrow("let one session of attempt 1 of run 17 through");
    }
    expect(() => assertSameAttempt({ made: null }, { id: 17, attempt: 1 })).toThrow("of no run through");
  });
});

test("a recording is read before anything is measured for it", async () => {
  const project = await sampleProject();
  try {
    await project.write("s.json", await readFile(await project.session(BETTER_WORK), "utf8"));
    await project.write("half.json", '{"schema":"whetstone.session/1",');
    const asked = (file: string, mode: "analysis" | "refinement" = "refinement") =>
      ({ mode, session: { kind: "replay", file }, question: null }) as const;
    const place = { folder: project.root, target: "sample" };
    await assertAnswers(asked("s.json"), place);
    await assertAnswers(ONLY_LOOKS, place);
    for (const [wanted, where] of [
      [asked("missing.json"), place],
      [asked("half.json"), place],
      [asked("s.json", "analysis"), place],
      [asked("s.json"), { ...place, target: "other" }],
    ] as const) {
      await expect(assertAnswers(wanted, where)).rejects.toMatchObject({ code: "session_invalid" });
    }
  } finally {
    await project.remove();
  }
});
