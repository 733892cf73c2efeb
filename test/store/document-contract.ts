import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  DOCUMENT_BYTES,
  DOCUMENT_KINDS,
  type DocumentKind,
  type DocumentStore,
  type DocumentVersion,
  type DocumentWrite,
} from "../../src/store/document-port.ts";
import type { Harness } from "./harness.ts";

/** A write with what a test does not care about filled in. */
export const writeOf = (write: Partial<DocumentWrite> = {}): DocumentWrite => ({
  kind: "spec",
  name: "notes",
  body: "a: 1",
  nowNs: 1_700_000_000_000_000_000n,
  after: 0,
  ...write,
});

/** What every {@link DocumentStore} promises. `runs`: random cases per property. */
export function documentContract(start: () => Promise<Harness>, runs: number): void {
  let harness: Harness;
  beforeAll(async () => {
    harness = await start();
  });
  afterAll(() => harness.end());
  const empty = async (): Promise<DocumentStore> => (await harness.empty()).documents;
  againstModel(empty, runs);
  describe("put", () => putting(empty));
  describe("list, get and history", () => reading(empty));
}

type Empty = () => Promise<DocumentStore>;

const utf8Order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Names that sort differently by UTF-16 and by code point, or by language. */
const NAMES = ["a", "b", "B", "ä", "é", "a b", "a'\"\\%_", "\u{ffff}", "\u{1f600}", "\u007fx", "z".repeat(200)];

const writes = fc.array(
  fc.record({
    kind: fc.constantFrom(...DOCUMENT_KINDS),
    name: fc.constantFrom(...NAMES.filter((name) => !/\p{Cc}/u.test(name))),
    body: fc.string({ unit: "binary", maxLength: 20 }).filter((text) => text.isWellFormed()),
    nowNs: fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 2n }),
    /** Added to the newest version: 0 is right. */
    off: fc.constantFrom(0, 0, 0, 1, -1, 7),
  }),
  { maxLength: 25 },
);

const summary = ({ body, ...rest }: DocumentVersion) => ({ ...rest, bytes: Buffer.byteLength(body) });

type Model = Map<string, DocumentVersion[]>;

async function expectSame(
  documents: DocumentStore,
  model: Model,
  { kind, limit }: { kind: DocumentKind; limit: number },
): Promise<void> {
  const known = [...model.values()].filter(([first]) => first?.kind === kind);
  const byName = known.toSorted(([a], [b]) => utf8Order(a?.name ?? "", b?.name ?? ""));
  const listed: unknown[] = [];
  for (let after: string | undefined; ;) {
    const page = await documents.list(kind, { limit, ...(after === undefined ? {} : { after }) });
    expect(page.total).toBe(known.length);
    listed.push(...page.documents);
    if (page.documents.length < limit) break;
    after = page.documents.at(-1)?.name;
  }
  expect(listed).toEqual(byName.map((versions) => summary(versions.at(-1) as DocumentVersion)));
  for (const versions of known) {
    const name = versions[0]?.name ?? "";
    expect(await documents.history(kind, name)).toEqual(versions.toReversed().map(summary));
    expect(await documents.get(kind, name)).toEqual(versions.at(-1));
    for (const version of versions) expect(await documents.get(kind, name, version.version)).toEqual(version);
  }
}

function againstModel(empty: Empty, numRuns: number): void {
  test("any writes give what a list of versions per name gives; only a right predecessor is taken", async () => {
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
        const documents = await empty();
        const model: Model = new Map();
        for (const { off, ...write } of all) {
          const { nowNs, ...rest } = write;
          const key = `${write.kind}/${write.name}`;
          const known = model.get(key) ?? [];
          const after = Math.max(0, known.length + off);
          const put = documents.put({ ...write, after });
          if (after !== known.length) {
            await expect(put).rejects.toMatchObject({ code: "conflict", data: { newest: known.length } });
            continue;
          }
          const expected = { ...rest, writtenNs: nowNs, version: after + 1 };
          expect(await put).toEqual(expected);
          model.set(key, [...known, expected]);
        }
        for (const kind of DOCUMENT_KINDS) await expectSame(documents, model, { kind, limit });
      }),
      { numRuns },
    );
  });
}

function putting(empty: Empty): void {
  test("of many writers that follow one version one wins, the others are told what is newest", async () => {
    const documents = await empty();
    await documents.put(writeOf());
    const bodies = Array.from({ length: 8 }, (_, n) => `body ${n}`);
    const results = await Promise.allSettled(bodies.map((body) => documents.put(writeOf({ body, after: 1 }))));
    const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(won).toHaveLength(1);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      expect(result.reason).toMatchObject({ code: "conflict", data: { after: 1, newest: 2 } });
    }
    expect(await documents.get("spec", "notes")).toEqual(won[0]);
    expect(await documents.history("spec", "notes")).toHaveLength(2);
  });

  test.each<[string, Partial<DocumentWrite>]>([
    ["an empty name", { name: "" }],
    ["a name of 201 characters", { name: "x".repeat(201) }],
    ["a control character in the name", { name: "a\u0000b" }],
    ["a line break in the name", { name: "a\nb" }],
    ["half a surrogate pair in the name", { name: "\ud800" }],
    ["half a surrogate pair in the body", { body: "\ud800" }],
    ["a body of one byte too much", { body: "x".repeat(DOCUMENT_BYTES + 1) }],
    ["a body of too many bytes in fewer characters", { body: "é".repeat(DOCUMENT_BYTES / 2 + 1) }],
    ["a negative version", { after: -1 }],
    ["half a version", { after: 0.5 }],
    ["a time beyond 64 bits", { nowNs: 2n ** 63n }],
    ["an unknown kind", { kind: "other" as DocumentKind }],
  ])("%s is refused and nothing is kept", async (_, wrong) => {
    const documents = await empty();
    await expect(documents.put(writeOf(wrong))).rejects.toMatchObject({ code: "usage", remedy: expect.any(String) });
    for (const kind of DOCUMENT_KINDS) expect((await documents.list(kind, { limit: 1 })).total).toBe(0);
  });

  test("the largest body, the longest name, an empty body and NUL come back as they were", async () => {
    const documents = await empty();
    const name = "\u{1f600}".repeat(200);
    const bodies = ["é".repeat(DOCUMENT_BYTES / 2), "", "a\u0000b", '\u007f"marked"'];
    for (const [after, body] of bodies.entries()) await documents.put(writeOf({ name, body, after }));
    for (const [at, body] of bodies.entries()) {
      expect((await documents.get("spec", name, at + 1))?.body === body).toBe(true);
    }
    const history = await documents.history("spec", name);
    expect(history.map(({ bytes }) => bytes)).toEqual(bodies.map((body) => Buffer.byteLength(body)).toReversed());
  });
}

function reading(empty: Empty): void {
  test("names come in the order of their code points, whatever the language of the server", async () => {
    const documents = await empty();
    const names = NAMES.filter((name) => !/\p{Cc}/u.test(name));
    for (const name of names) await documents.put(writeOf({ name }));
    const { documents: listed } = await documents.list("spec", { limit: 1_000 });
    expect(listed.map(({ name }) => name)).toEqual(names.toSorted(utf8Order));
  });

  test("what is not there is undefined or empty; kinds do not mix", async () => {
    const documents = await empty();
    await documents.put(writeOf());
    expect(await documents.get("development_session", "notes")).toBeUndefined();
    for (const version of [0, 2, -1, 0.5, Number.NaN]) {
      expect(await documents.get("spec", "notes", version)).toBeUndefined();
    }
    expect(await documents.history("spec", "other")).toEqual([]);
    expect(await documents.list("development_session", { limit: 1 })).toEqual({ documents: [], total: 0 });
  });

  test.each([0, -1, 1.5, 1_001, Number.NaN])("a page of %p documents is refused", async (limit) => {
    await expect((await empty()).list("spec", { limit })).rejects.toMatchObject({ code: "usage" });
  });

  test("names that no document can have are refused by readers too", async () => {
    const documents = await empty();
    const reads = [
      documents.get("spec", "\u0000"),
      documents.history("spec", ""),
      documents.list("spec", { limit: 1, after: "\u0000" }),
    ];
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: "usage" });
  });
}
