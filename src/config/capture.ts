import { z } from "zod";
import { patternFault } from "../model/bounded-pattern.ts";
import { BYTES, parseBytes } from "./bytes.ts";

/** Least and most bytes that may be kept of one argument or result. */
const LEAST_BYTES = 128;
const MOST_BYTES = 1_000_000;

const Pattern = z.string().superRefine((source, context) => {
  const fault = patternFault(source);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `this pattern cannot be used: ${fault}` });
});

const Pointer = z
  .string()
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, "write a JSON pointer such as /customer/iban or /items/*/owner");

const Size = z.string().regex(BYTES, "write a size such as 4kB").refine(isKeepable, "keep from 128 B to 1 MB");

function isKeepable(text: string): boolean {
  if (!BYTES.test(text)) return true; // said already
  const bytes = parseBytes(text);
  return bytes >= LEAST_BYTES && bytes <= MOST_BYTES;
}

/** What may be captured of a target's arguments and results, and what of it is redacted. */
export const CaptureSettings = z.strictObject({
  content: z
    .boolean()
    .optional()
    .describe(
      "Keep arguments and results of calls: true or false whatever --capture-content says; absent: as it says.",
    ),
  redact: z
    .strictObject({
      keys: z
        .array(z.string().min(1).max(128))
        .default([])
        .describe("Names whose values are redacted wherever they stand; upper case and separators make no difference."),
      patterns: z
        .array(Pattern)
        .max(50)
        .default([])
        .describe("Regular expressions whose matches are redacted; every repetition needs an upper bound."),
      paths: z
        .array(Pointer)
        .default([])
        .describe("JSON pointers into arguments and results; * stands for any one name or index."),
    })
    .prefault({})
    .describe("Redacted besides what looks like a secret, and values of names such as password or token."),
  maxBytes: Size.default("8KiB").describe("Most that is kept of one argument object or result; a cut is stated."),
});
export type CaptureSettings = z.infer<typeof CaptureSettings>;
