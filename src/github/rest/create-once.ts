import { apiStatus } from "../rest-api.ts";

/** How something is found and made. */
export type Making<T> = {
  readonly find: () => Promise<T | undefined>;
  readonly create: () => Promise<T>;
};

/**
 * Makes what is not there yet. When the request is refused as a duplicate, fails on GitHub's side or its answer is lost,
 * it may have been carried out all the same: then what stands is looked up. Never sent twice; whoever runs again finds it.
 * @throws what `create` threw, when nothing stands
 */
export async function createOnce<T>({
  find,
  create,
}: Making<T>): Promise<{ readonly value: T; readonly made: boolean }> {
  const standing = await find();
  if (standing !== undefined) return { value: standing, made: false };
  try {
    return { value: await create(), made: true };
  } catch (error) {
    const status = apiStatus(error);
    const surelyRefused = status !== undefined && status < 500 && status !== 409 && status !== 422;
    const found = surelyRefused ? undefined : await find();
    if (found === undefined) throw error;
    return { value: found, made: true };
  }
}
