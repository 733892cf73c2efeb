import { styleText } from "node:util";
import Table from "cli-table3";
import { forTerminal } from "../protect/sanitise.ts";
import type { Io } from "./io.ts";

/** A plain table with a header, without colours or boxes that a pipe would have to undo. Cells are cleaned and keep to one line. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "  ",
    },
  });
  table.push(...rows.map((row) => row.map(oneLine)));
  return `${table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}

/** Text for a terminal that stays in its row, whatever it holds. */
export function oneLine(text: string): string {
  return forTerminal(text).replaceAll(/\s+/g, " ").trim();
}

type Style = Parameters<typeof styleText>[0];

/** Whether standard output is a terminal that wants colours. */
export function coloursOut(io: Pick<Io, "outTerminal" | "env">): boolean {
  return io.outTerminal && io.env.colour;
}

/** Colours a text for standard output where that is a terminal that wants it; elsewhere the text stays as it is. */
export function paintOut(io: Pick<Io, "outTerminal" | "env">, style: Style, text: string): string {
  return coloursOut(io) ? styleText(style, text, { validateStream: false }) : text;
}

/** The same for standard error. */
export function paintErr(io: Pick<Io, "terminal" | "env">, style: Style, text: string): string {
  return io.terminal && io.env.colour ? styleText(style, text, { validateStream: false }) : text;
}

/** Milliseconds for people: `0.4 ms`, `12 ms`, `3.1 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}
