import { describe, expect, test } from "@jest/globals";
import { printJson, reportError } from "../../src/cli/io.ts";
import { ERROR_CODES, type ErrorCode } from "../../src/model/codes.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { bufferIo, holdsControl, HOSTILE } from "./buffer-io.ts";

describe("printJson", () => {
  test("is one document with a line break at its end; big integers are texts", () => {
    const { io, out } = bufferIo();
    printJson(io, { at: 1_763_635_500_000_000_001n, list: [1], none: undefined });
    expect(out().endsWith("}\n")).toBe(true);
    expect(JSON.parse(out())).toEqual({ at: "1763635500000000001", list: [1] });
  });
});

describe("reportError", () => {
  test("says code, what and remedy, and has the code's exit code", () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const { io, out, err } = bufferIo();
      const error = new WhetstoneError(code, "It is broken.", { remedy: "Mend it." });
      expect(reportError(io, error, false)).toBe(ERROR_CODES[code].exit);
      expect([out(), err()]).toEqual(["", `error (${code}): It is broken.\n  Mend it.\n`]);
    }
  });

  test("without a remedy is one line", () => {
    const { io, err } = bufferIo();
    reportError(io, new WhetstoneError("usage", "No."), false);
    expect(err()).toBe("error (usage): No.\n");
  });

  test("is a JSON document too when programs listen", () => {
    const { io, out, err } = bufferIo();
    expect(reportError(io, new WhetstoneError("not_found", "Gone.", { remedy: "Look." }), true)).toBe(2);
    expect(JSON.parse(out())).toEqual({ error: { code: "not_found", message: "Gone.", remedy: "Look." } });
    expect(err()).toContain("error (not_found)");
  });

  test("a bug shows its stack and asks to be reported", () => {
    const { io, out, err } = bufferIo();
    expect(reportError(io, new TypeError("x is not a function"), true)).toBe(1);
    expect(err()).toMatch(/^error \(defect\): TypeError: x is not a function\n {4}at /);
    expect(err()).toContain("This is a bug in Whetstone");
    expect(JSON.parse(out())).toMatchObject({ error: { code: "defect", message: "x is not a function" } });
  });

  test("anything may be thrown", () => {
    for (const thrown of ["text", undefined, null, 7, { message: "shape" }]) {
      const { io, err } = bufferIo();
      expect(reportError(io, thrown, false)).toBe(1);
      expect(err()).toMatch(/^error \(defect\): /);
    }
  });

  test("what a server, a check or a file said cannot act on the terminal", () => {
    for (const text of HOSTILE) {
      const { io, err } = bufferIo();
      reportError(io, new WhetstoneError("server_died", `It ended: ${text}`, { remedy: text }), false);
      expect(holdsControl(err().replaceAll("\t", " "))).toBe(false);
    }
  });
});
