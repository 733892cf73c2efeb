import { expect } from "@jest/globals";

/** What an error with a reason looks like. */
export const refusedFor = (reason: string) => ({
  code: "unauthorized",
  remedy: expect.stringMatching(/\S/),
  data: { reason },
});
