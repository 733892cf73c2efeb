import { REASON_CODES } from "../model/codes.ts";
import { canonicalJson, type Digest } from "../model/json.ts";
import { type Actor, LedgerRecord } from "../model/ledger.ts";

/** A line that is a record: the record, and the bytes that its digest covers, which are the line without that member. */
export type LedgerLine = { readonly ok: true; readonly record: LedgerRecord; readonly covered: string };
/** A line that is none, and why: `is not JSON`. */
export type NoLedgerLine = { readonly ok: false; readonly why: string };

/** The line of a record, without its line break. */
export const ledgerLine = (record: LedgerRecord): string => canonicalJson(record);

/** What canonical JSON writes as an escape, or what makes a text of two code units: such lines are left to the schema. */
// oxlint-disable-next-line no-control-regex
const NOT_PLAIN = /[\\\u0000-\u001f\ud800-\udfff]/;
const HASH = /^[0-9a-f]{64}$/;
const SEQ = /^[1-9]\d{0,14}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const DIGEST_MEMBER = ',"digest":"';

/**
 * Reads one line. Only canonical JSON is a record, so that a key given twice or other white space is seen as tampering.
 * What {@link LedgerRecord} says is said here once more, by hand for plain lines: reading, checking and writing again by
 * the schema costs ten times as much.
 */
export function readLedgerLine(line: string): LedgerLine | NoLedgerLine {
  return (NOT_PLAIN.test(line) ? undefined : plainLine(line)) ?? bySchema(line);
}

/** A line without escapes, member by member in the order of their names; undefined for what only the schema can judge. */
function plainLine(line: string): LedgerLine | undefined {
  const cursor: Cursor = { line, at: 0 };
  const id = member(cursor, '{"actor":{"id":"');
  const type = member(cursor, ',"type":"');
  if (line[cursor.at] !== "}") return undefined;
  cursor.at += 1;
  const authorization = member(cursor, ',"authorization":"');
  const decision = member(cursor, ',"decision":"');
  const digestAt = cursor.at;
  const digest = member(cursor, DIGEST_MEMBER);
  const digestEnd = cursor.at;
  const operation = member(cursor, ',"operation":"');
  const parametersDigest = member(cursor, ',"parametersDigest":"');
  const previous = member(cursor, ',"previous":"');
  const reasonCode = member(cursor, ',"reasonCode":"');
  const result = member(cursor, ',"result":"');
  const rollback = member(cursor, ',"rollback":"');
  const run = member(cursor, ',"run":"');
  const seq = member(cursor, ',"schema":"whetstone.ledger/1","seq":', ",");
  cursor.at -= 1;
  const target = member(cursor, ',"target":"');
  const time = member(cursor, ',"time":"');
  if (cursor.at !== line.length - 1 || !line.endsWith("}")) return undefined;
  if (!id || !operation || result === undefined || run === undefined || target === undefined) return undefined;
  if (!isActor(type) || !isDecision(decision) || !isReasonCode(reasonCode)) return undefined;
  if (!isHash(digest) || !isHash(parametersDigest) || !isHash(previous)) return undefined;
  if (seq === undefined || !SEQ.test(seq) || time === undefined || !TIME.test(time)) return undefined;
  const record: LedgerRecord = {
    actor: { type, id },
    operation,
    target,
    decision,
    reasonCode,
    result,
    parametersDigest,
    run,
    schema: "whetstone.ledger/1",
    seq: Number(seq),
    time,
    previous,
    digest,
  };
  if (authorization !== undefined) record.authorization = authorization;
  if (rollback !== undefined) record.rollback = rollback;
  return { ok: true, record, covered: line.slice(0, digestAt) + line.slice(digestEnd) };
}

type Cursor = { readonly line: string; at: number };

/** The value behind `before`, up to its end; undefined, and the cursor stays, where something else stands there. */
function member(cursor: Cursor, before: string, end = '"'): string | undefined {
  if (!cursor.line.startsWith(before, cursor.at)) return undefined;
  const from = cursor.at + before.length;
  const to = cursor.line.indexOf(end, from);
  if (to === -1) return undefined;
  cursor.at = to + 1;
  return cursor.line.slice(from, to);
}

const isHash = (text: string | undefined): text is Digest => text !== undefined && HASH.test(text);
const isActor = (text: string | undefined): text is Actor["type"] =>
  text === "person" || text === "bot" || text === "workflow";
const isDecision = (text: string | undefined): text is LedgerRecord["decision"] =>
  text === "allow" || text === "deny" || text === "none";
const isReasonCode = (text: string | undefined): text is LedgerRecord["reasonCode"] =>
  text !== undefined && Object.hasOwn(REASON_CODES, text);

function bySchema(line: string): LedgerLine | NoLedgerLine {
  const value = parsed(line);
  if (value === undefined) return { ok: false, why: "is not JSON" };
  const { data, error } = LedgerRecord.safeParse(value);
  if (data === undefined) {
    const issue = error?.issues[0];
    return { ok: false, why: `is no ledger record (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})` };
  }
  if (ledgerLine(data) !== line) return { ok: false, why: "is not canonical JSON" };
  return { ok: true, record: data, covered: coveredBy(line, data.digest) };
}

/** No text can hold the member: a quote within one is escaped, and no object inside a record has such a member. */
function coveredBy(line: string, digest: Digest): string {
  const at = line.indexOf(DIGEST_MEMBER);
  return line.slice(0, at) + line.slice(at + DIGEST_MEMBER.length + digest.length + 1);
}

/** Undefined for what is not JSON; no JSON text has that value. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
