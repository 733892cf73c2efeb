import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { CLOCK_TOLERANCE_SECONDS } from "../../src/protect/authorization/rules.ts";
import { ProtectionSettings } from "../../src/config/protection.ts";
import { needsAuthorization, OPERATIONS, operationOf } from "../../src/protect/operations.ts";

const page = readFileSync("docs/protection.md", "utf8");

test("what docs/protection.md says of an operation is what is declared", () => {
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  const told = rows.map(([, name = ""]) => name);
  expect(new Set(told)).toEqual(new Set(Object.keys(OPERATIONS)));
  for (const [, name = "", kind, risk, permission, whileStopped] of rows) {
    const operation = operationOf(name);
    const said = { name, kind, risk, permission, whileStopped };
    expect(said).toEqual({
      name,
      kind: operation.class === "read" ? "read" : "write",
      risk: operation.risk,
      permission: needsAuthorization(operation) ? operation.role : "nobody",
      whileStopped: operation.whileStopped ? "yes" : "no",
    });
  }
});

test("a name of nothing is answered with the operations that can be asked for", () => {
  const asked = Object.keys(OPERATIONS).filter((name) => needsAuthorization(operationOf(name)));
  expect(() => operationOf("fly")).toThrow(
    expect.objectContaining({ remedy: `Those that need a permission: ${asked.join(", ")}.` }),
  );
  expect(asked).toContain("resume");
  expect(() => operationOf("resum")).toThrow(expect.objectContaining({ remedy: 'Did you mean "resume"?' }));
});

test("the times that it states are those of the code", () => {
  expect(page).toContain(`up to ${CLOCK_TOLERANCE_SECONDS} s behind`);
  expect(page).toContain(`${ProtectionSettings.parse({}).expiryMinutes} minutes from the request on`);
});
