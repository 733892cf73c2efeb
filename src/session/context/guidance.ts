import type { SessionMode } from "../../model/proposal.ts";

type Heading = { readonly level: number; readonly title: string; readonly line: number };

/**
 * The section of a project's CLAUDE.md for a mode: what stands below a heading that names it (`## Mode: analysis`,
 * `### Analysis`), or else the entry `- **analysis**: …` of a list below a heading `Session modes`. Undefined when the
 * project says nothing of it. The first that fits is taken; fenced code is no heading.
 */
export function modeSection(page: string, mode: SessionMode): string | undefined {
  const lines = page.replaceAll("\r\n", "\n").split("\n");
  const headings = headingsOf(lines);
  const named = new RegExp(`^(?:session )?(?:mode:? )?\`?${mode}\`?(?: (?:mode|sessions?))?$`, "i");
  const own = headings.find(({ title }) => named.test(title));
  if (own !== undefined) return bodyOf(lines, headings, own);
  const list = headings.find(({ title }) => /^session modes?$/i.test(title));
  return list === undefined ? undefined : entryOf(bodyOf(lines, headings, list) ?? "", mode);
}

function headingsOf(lines: readonly string[]): readonly Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  for (const [line, text] of lines.entries()) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(text)?.[1];
    if (mark !== undefined && fence === undefined) fence = mark;
    else if (mark !== undefined && mark.startsWith(fence ?? "") && text.trim() === mark) fence = undefined;
    const [, signs, title] = fence === undefined ? (/^(#{1,6})\s+(.*?)\s*#*\s*$/.exec(text) ?? []) : [];
    if (signs !== undefined) headings.push({ level: signs.length, title: title ?? "", line });
  }
  return headings;
}

/** The lines up to the next heading that is not below this one. */
function bodyOf(lines: readonly string[], headings: readonly Heading[], { level, line }: Heading): string | undefined {
  const end = headings.find((other) => other.line > line && other.level <= level)?.line;
  const body = lines
    .slice(line + 1, end)
    .join("\n")
    .trim();
  return body === "" ? undefined : body;
}

/** The entry of a list whose first word is the mode in bold, with its further lines. */
function entryOf(list: string, mode: SessionMode): string | undefined {
  const lines = list.split("\n");
  const start = lines.findIndex((text) => new RegExp(`^[-*] \\*\\*${mode}\\*\\*`, "i").test(text));
  if (start < 0) return undefined;
  const length = lines.slice(start + 1).findIndex((text) => /^\S/.test(text));
  return lines
    .slice(start, length < 0 ? undefined : start + 1 + length)
    .join("\n")
    .replace(/^[-*] /, "")
    .trim();
}
