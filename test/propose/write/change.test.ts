import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FileChange } from "../../../src/github/commit-port.ts";
import type { RawChange } from "../../../src/protect/wall/change.ts";
import { objectId } from "../../../src/protect/wall/own-view.ts";
import { payloadFault } from "../../../src/propose/write/change.ts";

const bytes = fc.uint8Array({ maxLength: 8 });
const path = fc.stringMatching(/^[a-c]{1,3}$/);
const change: fc.Arbitrary<FileChange> = fc.oneof(
  fc.record({ path, mode: fc.constantFrom("100644", "100755"), bytes }),
  path.map((one): FileChange => ({ path: one, mode: null, bytes: null })),
);
const changes = fc.uniqueArray(change, { selector: (one) => one.path, minLength: 1, maxLength: 5 });

/** What git says of these files, when it made exactly them. */
const asGit = (files: readonly FileChange[]): RawChange[] =>
  files.map(({ path: name, mode, bytes: content }) => ({
    path: name,
    oldMode: "100644",
    oldId: "0".repeat(40),
    newMode: mode,
    newId: content === null ? null : objectId("blob", content, 40),
  }));

describe("what will be sent", () => {
  test("is let through when it is what git made, in any order", () => {
    fc.assert(
      fc.property(changes, (files) => {
        expect(payloadFault(files, asGit(files).toReversed(), 40)).toBeUndefined();
      }),
    );
  });

  test("is refused with one byte, mode, path, file or removal more, less or other", () => {
    fc.assert(
      fc.property(changes, fc.nat(), (files, at) => {
        const [one, ...others] = [...files.slice(at % files.length), ...files.slice(0, at % files.length)];
        const git = asGit(files);
        const altered: readonly (readonly FileChange[])[] = [
          others,
          [...files, { path: "extra", mode: "100644", bytes: new Uint8Array() }],
          [...others, { ...one!, path: `${one!.path}x` }],
          ...(one?.bytes === null || one === undefined
            ? [[...others, { path: one?.path ?? "", mode: "100644", bytes: new Uint8Array() }]]
            : [
                [...others, { ...one, bytes: new Uint8Array([...one.bytes, 0]) }],
                [...others, { ...one, mode: one.mode === "100644" ? "100755" : "100644" }],
                [...others, { path: one.path, mode: null, bytes: null } as const],
              ]),
        ];
        for (const sent of altered) expect(payloadFault(sent, git, 40)).toMatch(/is not what git made/);
      }),
    );
  });

  test("is refused when a path is sent twice", () => {
    const file: FileChange = { path: "a", mode: "100644", bytes: new Uint8Array([1]) };
    expect(payloadFault([file, file], asGit([file]), 40)).toMatch(/is not what git made/);
  });
});
