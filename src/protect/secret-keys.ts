/** Ends of names that promise a secret, without separators: `dbPassword`, `X-Api-Key`, `refresh_token`. */
const ENDINGS = [
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "pwd",
  "secret",
  "api-key",
  "access-key",
  "account-key",
  "secret-key",
  "private-key",
  "signing-key",
  "encryption-key",
  "auth-key",
  "authorization",
  "credential",
  "cookie",
  "token",
] as const;

/** Names that are a secret's only as a whole. */
const WHOLE = [
  "auth",
  "pass",
  "pw",
  "jwt",
  "bearer",
  "otp",
  "sig",
  "phpsessid",
  "jsessionid",
  "connect-sid",
  "x-amz-signature",
  "x-goog-signature",
] as const;

/** Several of a kind are secrets like one; `tokens` alone are counted or are words of a text. */
const PLURAL = /(?:(?:access|refresh|auth|api|session|bearer|secret)token|[^n])s$/;

/** Tokens that are no secrets: places in a list, marks of tasks, words of a model's vocabulary. */
const HARMLESS_TOKEN =
  /(?:page|continuation|next|sync|delta|resume|progress|cancellation|bos|eos|pad|unk|mask|sep|cls|max|num|total|stop|per)token$/;

/** Longest name that is looked at. */
const LONGEST_NAME = 256;
/** Names that are remembered. */
const REMEMBERED = 5_000;

const plain = (name: string): string => name.replaceAll(/[^\p{L}\p{N}]/gu, "").toLowerCase();

/** Tells which rule a name falls under, by the rule's own word; undefined when it promises no secret. */
export type KeyRule = (name: string) => string | undefined;

/**
 * The rule of built-in names and of `more`, which count as whole names. Upper case and separators make no difference.
 */
export function keyRule(more: readonly string[] = []): KeyRule {
  const whole = new Map([...WHOLE, ...more].map((name) => [plain(name), ruleWord(name)]));
  const endings = ENDINGS.map((name) => [plain(name), name] as const);
  const find: KeyRule = (name) => {
    const normal = plain(name.normalize("NFKC"));
    const known = whole.get(normal);
    if (known !== undefined) return known;
    const single = PLURAL.test(normal) ? normal.slice(0, -1) : normal;
    const found = endings.find(([ending]) => single.endsWith(ending))?.[1];
    return found === "token" && HARMLESS_TOKEN.test(normal) ? undefined : found;
  };
  const memory = new Map<string, string | undefined>();
  return (name) => {
    if (name.length > LONGEST_NAME) return undefined;
    const known = memory.get(name);
    if (known !== undefined || memory.has(name)) return known;
    const found = find(name);
    // Names are few and come again and again; where they do not, the memory starts anew.
    if (memory.size >= REMEMBERED) memory.clear();
    memory.set(name, found);
    return found;
  };
}

/** Source of a regular expression that finds where such names end in a text; a candidate still has to pass the rule. */
export function keySource(more: readonly string[] = []): string {
  const names = [...ENDINGS, ...WHOLE, ...more].map((name) => wordsOf(name).join("[-_. ]?"));
  return `(?:${names.filter((name) => name !== "").join("|")})s?`;
}

/** `customerId`, `customer_id` and `customer id` are two words. */
const wordsOf = (name: string): readonly string[] =>
  name.replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2").match(/[\p{L}\p{N}]+/gu) ?? [];

/** A name from the configuration as it may stand in a replacement. */
const ruleWord = (name: string): string => wordsOf(name).join("-").slice(0, 40).toLowerCase();
