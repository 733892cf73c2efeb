import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { apiFailure, checkedAnswer, type GitHubCall, type GitHubClient } from "./rest-api.ts";

/** Entries of one page: the most that GitHub gives. */
const PAGE = 100;
/** Pages that are read before a list counts as endless. */
const MOST_PAGES = 100;

/**
 * All entries of a list, page by page; `answer` is the form of one entry, `within` the member of the page that holds them
 * where a page is no plain list.
 * @throws WhetstoneError `api_failed`, also for more than 10,000 entries: a part would look like the whole.
 */
export async function listOnGitHub<Schema extends z.ZodType>(
  client: GitHubClient,
  { route, parameters, answer }: GitHubCall<Schema>,
  within?: string,
): Promise<readonly z.output<Schema>[]> {
  const entries: z.output<Schema>[] = [];
  const page = within === undefined ? z.array(answer) : z.object({ [within]: z.array(answer) });
  for (let number = 1; number <= MOST_PAGES; number += 1) {
    const response = await client.request(route, { ...parameters, per_page: PAGE, page: number }).catch((error) => {
      throw apiFailure(route, error);
    });
    const read: unknown = checkedAnswer({ route, answer: page }, response.data);
    const found = (within === undefined ? read : Reflect.get(Object(read), within)) as z.output<Schema>[];
    entries.push(...found);
    if (!hasNext(response.headers, found.length)) return entries;
  }
  throw new WhetstoneError("api_failed", `${route}: there are more than ${MOST_PAGES * PAGE} entries.`, {
    remedy: "Remove what is no longer needed, such as old branches or comments.",
    data: { route, listed: entries.length },
  });
}

/** GitHub names the next page in `Link`; where a client hides headers, a full page may have one after it. */
function hasNext(headers: object | undefined, found: number): boolean {
  if (headers === undefined) return found === PAGE;
  const link: unknown = Reflect.get(headers, "link");
  return typeof link === "string" && link.includes('rel="next"');
}
