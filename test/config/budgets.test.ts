import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { BudgetSettings } from "../../src/config/budgets.ts";
import { ReviewSettings } from "../../src/config/review.ts";
import { Config } from "../../src/config/schema.ts";
import { configTemplate } from "../../src/config/template.ts";

describe("budgets", () => {
  test("the commented file of init states the defaults as they are", () => {
    const text = configTemplate({ name: "notes", command: "node server.js" });
    expect(Config.parse(parse(text)).budgets).toEqual(BudgetSettings.parse({}));
    expect(Config.parse({ version: 1 }).budgets).toEqual(BudgetSettings.parse({}));
  });

  test("one session fits into a day of its target, and that into a day of all", () => {
    const { session, day, target } = BudgetSettings.parse({});
    for (const unit of ["usd", "tokens"] as const) {
      expect(session[unit]).toBeLessThanOrEqual(target[unit]);
      expect(target[unit]).toBeLessThanOrEqual(day[unit]);
    }
  });

  test("one amount may be given without the other", () => {
    const { session, day } = BudgetSettings.parse({ session: { usd: 0.5 } });
    expect(session).toEqual({ usd: 0.5, tokens: BudgetSettings.parse({}).session.tokens });
    expect(day).toEqual(BudgetSettings.parse({}).day);
  });

  test.each([
    ["negative money", { session: { usd: -1 } }],
    ["no number", { day: { usd: "10" } }],
    ["parts of a token", { target: { tokens: 0.5 } }],
    ["endless money", { day: { usd: Infinity } }],
    ["a limit that nobody knows", { week: { usd: 1 } }],
    ["reservations that never end", { expiryMinutes: 100_000 }],
    ["reservations that end at once", { expiryMinutes: 0 }],
  ])("%s is refused", (_what, value) => expect(BudgetSettings.safeParse(value).success).toBe(false));
});

test("nobody reviews until a model is named", () => {
  expect(Config.parse({ version: 1 }).review).toEqual({ timeoutSeconds: 120 });
  expect(ReviewSettings.parse({ model: "m" })).toEqual({ model: "m", timeoutSeconds: 120 });
  expect(ReviewSettings.safeParse({ model: "" }).success).toBe(false);
});
