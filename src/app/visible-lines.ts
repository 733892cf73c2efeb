/** Where a block begins whose lines are not running text, and where it ends (HTML blocks of CommonMark 0.31, 4.6). */
const HTML_BLOCKS: readonly { readonly opens: RegExp; readonly closes: RegExp }[] = [
  { opens: /^ {0,3}<!--/, closes: /-->/ },
  { opens: /^ {0,3}<(?:pre|script|style|textarea)(?=[\s>]|$)/i, closes: /<\/(?:pre|script|style|textarea)>/i },
  // Not blocks of their own in CommonMark, but a page shows what is in them as code or as a quote.
  { opens: /^ {0,3}<code(?=[\s>]|$)/i, closes: /<\/code>/i },
  { opens: /^ {0,3}<blockquote(?=[\s>]|$)/i, closes: /<\/blockquote>/i },
  { opens: /^ {0,3}<\?/, closes: /\?>/ },
  { opens: /^ {0,3}<!\[CDATA\[/, closes: /\]\]>/ },
  { opens: /^ {0,3}<![a-z]/i, closes: />/ },
];

/** A fenced code block; it may begin in a list item. */
const FENCE = /^(?<indent> {0,3})(?<list>(?:(?:[-*+]|\d{1,9}[.)]) +)*)(?:(?<ticks>`{3,})[^`]*|(?<tildes>~{3,}).*)$/;
const QUOTE = /^ {0,3}>/;
/** A quoted line after which a line without `>` is no part of the quote: it holds no paragraph that could go on. */
const QUOTE_WITHOUT_PARAGRAPH = /^ {0,3}>[ >]*(?:#{1,6}(?: .*)?|`{3,}.*|~{3,}.*)?$/;

/** A block under way: how it ends, and whether a line without indentation leaves it too. */
type Block = { readonly closes: RegExp; readonly listed: boolean };

/**
 * The lines of a Markdown comment that a reader sees as running text at their start: not in a quote, a code block or
 * span, an HTML comment or tag. Where Markdown is ambiguous a line counts as hidden. Time is linear in the length.
 */
export function visibleLines(markdown: string): readonly string[] {
  const visible: string[] = [];
  let paragraph: string[] = [];
  let block: Block | undefined;
  let quoted = false;
  const endParagraph = (): void => {
    visible.push(...textLines(paragraph));
    paragraph = [];
  };
  for (const line of markdown.split(/\r\n|[\n\r]/)) {
    if (block) {
      const left = block.listed && /^\S/.test(line);
      if (!left) {
        if (block.closes.test(line)) block = undefined;
        continue;
      }
      block = undefined;
    }
    const opened = blockAt(line);
    if (opened || QUOTE.test(line) || line.trim() === "") {
      endParagraph();
      quoted = QUOTE.test(line) && !QUOTE_WITHOUT_PARAGRAPH.test(line);
      block = opened?.closes.test(line.slice(opened.from)) === false ? opened : undefined;
    } else if (!quoted) paragraph.push(line);
  }
  endParagraph();
  return visible;
}

/** The block that a line opens; `from`: where its end may come first. */
function blockAt(line: string): (Block & { readonly from: number }) | undefined {
  const fence = FENCE.exec(line)?.groups;
  if (fence) {
    const mark = fence["ticks"] ?? fence["tildes"] ?? "";
    const listed = fence["list"] !== "";
    const indent = listed ? "[ \\t]*" : " {0,3}";
    return { closes: new RegExp(`^${indent}${mark[0]}{${mark.length},}[ \\t]*$`), listed, from: line.length };
  }
  const html = HTML_BLOCKS.find(({ opens }) => opens.test(line));
  return html && { closes: html.closes, listed: false, from: line.indexOf("<") + 1 };
}

const HIDDEN = "\0";

/** Lines of one paragraph that do not begin inside a code span, comment or tag. */
function textLines(paragraph: readonly string[]): readonly string[] {
  const masked = maskSpans(paragraph.join("\n")).split("\n");
  return paragraph.filter((_, index) => !masked[index]?.startsWith(HIDDEN));
}

/** What may open a span: an escape (to step over it), a run of backticks, a comment, a tag. */
const OPENER = /\\[^]|`+|<!--|<(?=[a-z/!?])/gi;

/** Puts {@link HIDDEN} for every character of a code span, comment or tag; line breaks stay. */
function maskSpans(text: string): string {
  // A closer that does not occur from here on does not occur later either: no second search, so time stays linear.
  const missing = new Set<string>();
  let masked = "";
  let at = 0;
  OPENER.lastIndex = 0;
  for (let open = OPENER.exec(text); open; open = OPENER.exec(text)) {
    const end = missing.has(closer(open[0])) ? undefined : endOfSpan(text, open);
    if (end === undefined) {
      missing.add(closer(open[0]));
      continue;
    }
    masked += text.slice(at, open.index) + text.slice(open.index, end).replaceAll(/[^\n]/g, HIDDEN);
    at = end;
    OPENER.lastIndex = end;
  }
  return masked + text.slice(at);
}

function closer(opener: string): string {
  if (opener.startsWith("`")) return opener;
  return opener === "<!--" ? "-->" : ">";
}

/** Index after the span that is opened; undefined when it is not closed in this paragraph, and for an escape. */
function endOfSpan(text: string, open: RegExpExecArray): number | undefined {
  const [opener] = open;
  if (opener.startsWith("\\")) return undefined;
  const from = open.index + opener.length;
  const closing = closer(opener);
  if (!opener.startsWith("`")) {
    const found = text.indexOf(closing, from);
    return found === -1 ? undefined : found + closing.length;
  }
  const run = new RegExp(`(?<!\`)${closing}(?!\`)`, "g");
  run.lastIndex = from;
  return run.exec(text) ? run.lastIndex : undefined;
}
