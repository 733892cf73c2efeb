import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { coloursOut, formatMs, oneLine, paintErr, paintOut, renderTable } from "../../src/cli/table.ts";
import { parseEnv } from "../../src/config/env.ts";
import { bufferIo, holdsControl, HOSTILE } from "./buffer-io.ts";

const cell = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 12 }), fc.string());

describe("renderTable", () => {
  test("aligns its columns, without boxes, colours or blanks at the end", () => {
    const text = renderTable(
      ["tool", "calls"],
      [
        ["search", "12"],
        ["a much longer name", "3"],
      ],
    );
    expect(text).toBe(" tool                  calls\n search                12\n a much longer name    3\n");
  });

  test("has a header also without rows", () => {
    expect(renderTable(["a", "b"], [])).toBe(" a    b\n");
  });

  test("has one line per row, whatever is in the cells", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }), (rows) => {
        const text = renderTable(["one", "two", "three"], rows);
        expect(text.endsWith("\n")).toBe(true);
        expect(text.split("\n")).toHaveLength(rows.length + 2);
        expect(holdsControl(text)).toBe(false);
        expect(text.split("\n").every((line) => line === line.trimEnd())).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("a name cannot forge a row of its own", () => {
    const text = renderTable(["tool", "verdict"], [["work\n search   pass", "fail"]]);
    expect(text).toBe(" tool                verdict\n work search pass    fail\n");
  });
});

describe("oneLine", () => {
  test.each(HOSTILE)("%j becomes one harmless line", (text) => {
    expect(oneLine(text)).not.toMatch(/[\r\n]/);
    expect(holdsControl(oneLine(text))).toBe(false);
  });

  test("leaves a line as it is, and what it made as well", () => {
    expect(oneLine("plain text, žluť 日本")).toBe("plain text, žluť 日本");
    fc.assert(fc.property(cell, (text) => expect(oneLine(oneLine(text))).toBe(oneLine(text))));
  });
});

describe("colours", () => {
  const wants = (env: Record<string, string>) => parseEnv(env);

  test("are used on the stream that is a terminal, and on no other", () => {
    const onlyErr = bufferIo({ terminal: true, outTerminal: false }).io;
    expect([paintErr(onlyErr, "red", "x"), paintOut(onlyErr, "red", "x")]).toEqual(["\u001b[31mx\u001b[39m", "x"]);
    expect(coloursOut(onlyErr)).toBe(false);
    const onlyOut = bufferIo({ terminal: false, outTerminal: true }).io;
    expect([paintErr(onlyOut, "red", "x"), paintOut(onlyOut, "red", "x")]).toEqual(["x", "\u001b[31mx\u001b[39m"]);
    expect(coloursOut(onlyOut)).toBe(true);
  });

  test.each([{ NO_COLOR: "1" }, { NO_COLOR: "" }, { TERM: "dumb" }])("are not used with %j", (env) => {
    const { io } = bufferIo({ terminal: true, outTerminal: true, env: wants(env) });
    expect([paintErr(io, "green", "x"), paintOut(io, "green", "x"), coloursOut(io)]).toEqual(["x", "x", false]);
  });

  test("change nothing but the look", () => {
    const { io } = bufferIo({ terminal: true, outTerminal: true });
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]*$/), (text) => {
        expect(stripVTControlCharacters(paintOut(io, "bold", text))).toBe(text);
      }),
    );
  });
});

describe("formatMs", () => {
  test.each([
    [0, "0.0 ms"],
    [0.44, "0.4 ms"],
    [9.96, "10.0 ms"],
    [12.4, "12 ms"],
    [999.4, "999 ms"],
    [1000, "1.0 s"],
    [61_250, "61.3 s"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});
