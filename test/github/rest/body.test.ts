import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { fitBody, markerOf } from "../../../src/github/rest/body.ts";
import { createOnce } from "../../../src/github/rest/create-once.ts";
import { WhetstoneError } from "../../../src/model/error.ts";

test("a text that fits stays as it is; any other is cut to fit, whole in its characters, and says how much is shown", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\n", "🐎", "```\n", "é"), maxLength: 400 });
  fc.assert(
    fc.property(text, fc.integer({ min: 150, max: 300 }), (body, longest) => {
      const fit = fitBody(body, longest);
      if (body.length <= longest) return expect(fit).toBe(body);
      expect(fit.length).toBeLessThanOrEqual(longest);
      expect(fit.isWellFormed()).toBe(true);
      expect((fit.match(/^```/gm)?.length ?? 0) % 2).toBe(0);
      return expect(fit).toMatch(new RegExp(`_Cut: \\d+ of ${body.length} characters are shown`));
    }),
  );
});

test("no purpose is the beginning of another one's mark", () => {
  expect(markerOf("canary-b").startsWith(markerOf("canary"))).toBe(false);
});

const failure = (status: number | undefined) =>
  new WhetstoneError("api_failed", "x", { data: status === undefined ? {} : { status } });

test.each([[undefined], [500], [502], [409], [422]])(
  "a making that ends with %s counts by what stands",
  async (status) => {
    for (const stands of [true, false]) {
      let made = false;
      const making = createOnce({
        find: async () => (made && stands ? "it" : undefined),
        create: () => {
          made = true;
          return Promise.reject(failure(status));
        },
      });
      if (stands) expect(await making).toEqual({ value: "it", made: true });
      else await expect(making).rejects.toMatchObject({ code: "api_failed" });
    }
  },
);

test.each([[400], [401], [403], [404]])("a refusal with %i is one, whatever stands", async (status) => {
  let asked = 0;
  const find = async () => {
    asked += 1;
    return asked > 1 ? "somebody else's" : undefined;
  };
  await expect(createOnce({ find, create: () => Promise.reject(failure(status)) })).rejects.toMatchObject({
    data: { status },
  });
  expect(asked).toBe(1);
});

test("what stands is not made again", async () => {
  const create = () => Promise.reject(new Error("it was made again"));
  expect(await createOnce({ find: async () => "it", create })).toEqual({ value: "it", made: false });
});
