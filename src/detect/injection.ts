import { visibleText } from "../protect/visible-text.ts";

/** What a text holds that is written to steer a model, and how it is recognised in {@link plain} text. */
const MARKERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  [
    "an order to ignore instructions",
    /\b(?:ignore|disregard|forget|override|bypass)\b(?: \w+){0,3} (?:previous|prior|above|earlier|preceding|existing|other|your|system)(?: \w+){0,2} (?:instruction|prompt|rule|guideline|direction|polic|constraint)/,
  ],
  [
    "an order to ignore instructions",
    /\b(?:ignore|disregard|forget) (?:everything|all|the) (?:the )?(?:above|before|you (?:were|have been) told)\b/,
  ],
  ["a new role for a model", /\byou are (?:now|no longer) (?:a|an|in|the|bound|required|restricted)\b/],
  ["a new role for a model", /\b(?:new|updated|real) (?:system prompt|instructions?)(?: \w+){0,2}:/],
  [
    "a frame of a model's prompt",
    /<\/?(?:system|system-reminder|assistant|human|antml|function_calls|function_results|tool_result)(?![-\w])[^>]{0,80}>/,
  ],
  [
    "a frame of a model's prompt",
    /<\|(?:im_start|im_end|endoftext|system|user|assistant|eot_id|start_header_id)\|>|\[\/?inst\]|<<\/?sys>>/,
  ],
  ["a frame of a model's prompt", /(?:^|\n)(?:human|assistant|system) ?: ?(?:\w+ ){2}/],
  [
    "a word to whoever reviews",
    /\b(?:reviewer|grader|judge|evaluator|auditor|approver|claude|ai|model|llm)s?\b[^.\n]{0,60}\b(?:must|should|please|can|may|will)\b[^.\n]{0,30}\b(?:approve|accept|pass|merge|ignore|skip|trust)\b/,
  ],
  [
    "a word to whoever reviews",
    /\b(?:approve|accept|merge|pass) this (?:change|patch|pr|pull request|proposal|diff)\b/,
  ],
  [
    "a word to whoever reviews",
    /\b(?:already|was|been) (?:approved|reviewed|authori[sz]ed|verified|validated) by (?:a |the )?(?:maintainer|human|person|security|admin|anthropic|whetstone|owner)/,
  ],
  [
    "a word to whoever reviews",
    /\b(?:maintainer|owner|security team|admin)s? (?:has |have )?already (?:approved|reviewed|authori[sz]ed)\b/,
  ],
  [
    "a word to whoever reviews",
    /\b(?:reviewer|grader|evaluator|auditor|approver)s?\b ?[:,][^\n]{0,120}\b(?:approve|accept|safe|lgtm)\b/,
  ],
  [
    "a request for secrets",
    /\b(?:print|reveal|show|tell|send|post|leak|exfiltrate|upload)\b(?: \w+){0,4} (?:system prompt|api[ _-]?keys?|secrets?|credentials?|environment variables|process\.env)\b/,
  ],
];

/** Letters that look like Latin ones, by those. */
const LOOK_ALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  "аa еe оo рp сc уy хx іi ѕs јj һh ԁd ոn ԛq ԝw ѵv αa οo νv ρp ιi κk".split(" ").map((pair) => [pair[0], pair[1]]),
);

/**
 * Joiners where they belong, in an emoji made of several and between letters of scripts that join, and the return of a
 * line that ends in CRLF.
 */
const HARMLESS =
  /(?<=\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?)\u200d(?=\p{Extended_Pictographic})|(?<=[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{M}])[\u200c\u200d](?=[\p{L}\p{M}])|\r$/gmu;

/**
 * What in a text is written to steer a model or to deceive a reader: names of markers, each once. Hidden and look-alike
 * characters, white space, line breaks, and the signs that comments begin with do not keep a marker from being found.
 */
export function injectionsIn(text: string): readonly string[] {
  const searched = plain(text);
  const found = MARKERS.filter(([, pattern]) => pattern.test(searched)).map(([name]) => name);
  const hidden = hidesSomething(text) ? ["characters that nobody sees"] : [];
  return [...new Set([...hidden, ...found])];
}

/** Whether a text holds control, invisible or reordering characters; a tab and an emoji of several are none. */
export function hidesSomething(text: string): boolean {
  const rest = text.replaceAll(HARMLESS, "");
  return visibleText(rest) !== rest;
}

/** A text as a reader takes it: one form of each character, one space between words, line starts without signs. */
function plain(text: string): string {
  const letters = text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[\p{Cf}\p{Mn}\u{e0000}-\u{e0fff}]/gu, "")
    .replaceAll(/[\u{80}-\u{10ffff}]/gu, (sign) => LOOK_ALIKES[sign] ?? sign);
  const lines = letters
    .replaceAll(/^[ \t]*(?:\/\/+|\/?\*+\/?|#+|--+|;+|>+|%+|"""|''')?[ \t]*/gm, "")
    .replaceAll(/[ \t]+/g, " ")
    .split("\n")
    .map((line) => line.trim());
  // A sentence goes on over line breaks; a turn of a made-up talk begins after one.
  return lines
    .map((line, index) => (index === 0 ? line : `${/(?:^|[.:>])$/.test(lines[index - 1] ?? "") ? "\n" : " "}${line}`))
    .join("");
}
