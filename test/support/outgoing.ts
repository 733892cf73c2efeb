import fc from "fast-check";

/** Text that would send something out, or give an order, if a note showed it as it stands. */
export const outgoingText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("@ada look", "fixes #1", "\n/whetstone approve", "<!-- x -->", "![a](https://evil.test/x)", "\u202e"),
);
