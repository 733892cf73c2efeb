import type { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { DossierManifest } from "../../model/dossier.ts";

/** Records of one kind on the state branch: the newest ones, how many there are, and paths that cannot be read. */
export type Newest<T> = {
  readonly records: readonly T[];
  readonly total: number;
  readonly unreadable: readonly string[];
};

/** Which records are wanted, newest by their names, and how many of them. */
export type Wanted<Schema extends z.ZodType> = {
  readonly path: RegExp;
  readonly schema: Schema;
  readonly limit: number;
  readonly fits?: (record: z.output<Schema>) => boolean;
};

/** Files that a search for fitting records opens at most: each costs a request. */
const MOST_OPENED = 60;

/** The newest records; ids begin with their time, so that names sort as times do. */
export async function newest<Schema extends z.ZodType>(
  view: StateView,
  { path, schema, limit, fits = () => true }: Wanted<Schema>,
): Promise<Newest<z.output<Schema>>> {
  const paths = (await view.list("")).filter((name) => path.test(name));
  const records: z.output<Schema>[] = [];
  const unreadable: string[] = [];
  for (const name of paths.toReversed().slice(0, MOST_OPENED)) {
    if (records.length + unreadable.length >= limit) break;
    const parsed = schema.safeParse(json((await view.read(name)) ?? ""));
    if (!parsed.success) unreadable.push(name);
    else if (fits(parsed.data)) records.push(parsed.data);
  }
  return { records, total: paths.length, unreadable };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it, so it is listed as unreadable
  }
}

export const MANIFESTS = /^dossiers\/[^/]+\/manifest\.json$/;

/** The manifest with a digest, among the newest of the state branch. */
export async function manifestOfDigest(view: StateView, digest: string): Promise<DossierManifest | undefined> {
  const fits = (manifest: DossierManifest) => manifest.digest === digest;
  return (await newest(view, { path: MANIFESTS, schema: DossierManifest, limit: 1, fits })).records[0];
}
