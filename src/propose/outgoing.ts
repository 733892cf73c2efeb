/** What an outgoing text may hold besides plain words. */
export type OutgoingRules = {
  /** Beginnings of the addresses that it may name. */
  readonly urls: readonly string[];
  readonly longest: number;
};

/** Comments that Whetstone itself puts into texts: a purpose, and perhaps one JSON object in plain signs. */
const OWN_COMMENT = /^<!-- whetstone:[a-z-]+(?: \{[ !-;=?-~]*\})? -->$/gm;

const FAULTS: readonly (readonly [string, RegExp])[] = [
  ["a mention", /@[\p{L}\p{N}]/u],
  ["a reference to an issue", /#\d|\bGH-\d/i],
  ["a slash command", /^[ \t]*\/[\p{L}\p{N}]/mu],
  ["HTML or a comment", /<[!/?\p{L}]/u],
  ["an image", /!\[/],
  [
    "hidden characters",
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200c-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u,
  ],
  ["a switch of checks", /\[(?:skip|no) (?:ci|actions)\]|\[(?:ci|actions) skip\]|^skip-checks:/im],
];
const ADDRESS = /(?:[a-z][a-z0-9+.-]*:\/\/|(?<![\p{L}\p{N}])www\.)\S*/giu;

/**
 * What speaks against sending a text, whoever made it: a second look at what was rendered, by other means than those
 * that made it harmless. Empty when nothing does. Invisible breaks (U+200B), by which words were made harmless, may stay.
 */
export function outgoingFaults(text: string, { urls, longest }: OutgoingRules): readonly string[] {
  const rest = text.replaceAll(OWN_COMMENT, "");
  const found = FAULTS.filter(([, pattern]) => pattern.test(rest)).map(([what]) => what);
  const foreign = [...rest.matchAll(ADDRESS)].map(([address]) => address).filter((address) => !allowed(address, urls));
  return [
    ...found,
    ...foreign.slice(0, 3).map((address) => `the address ${JSON.stringify(address.slice(0, 80))}`),
    ...(text.length > longest ? [`${text.length} characters, at most ${longest}`] : []),
  ];
}

/** As a whole address or below it: `https://host/a` does not allow `https://host/ab`. */
function allowed(address: string, urls: readonly string[]): boolean {
  return urls.some((url) => address === url || (address.startsWith(url) && /^[/)?#]/.test(address.slice(url.length))));
}
