/** How a call of a port ends badly: the process dies before or after it was carried out, or it fails. */
export type Blow = "killed before" | "killed after" | "fails";

/** What became of work that was struck. */
export type Struck = { readonly ended: "done" | "killed" | "failed"; readonly calls: number; readonly error?: unknown };

/**
 * Does work over ports of which the call number `at` (from 1; 0 for none) meets a blow. A killed process does nothing any
 * more: its call never answers, so no `catch` and no `finally` of the work runs either.
 */
export async function struck(
  { at, blow }: { readonly at: number; readonly blow: Blow },
  work: (wrap: <Port extends object>(port: Port) => Port) => Promise<unknown>,
): Promise<Struck> {
  let calls = 0;
  let die: () => void = () => undefined;
  const dead = new Promise<"killed">((resolve) => {
    die = () => resolve("killed");
  });
  const never = new Promise<never>(() => undefined);
  const meet = async (act: () => unknown): Promise<unknown> => {
    calls += 1;
    if (calls !== at) return await act();
    if (blow === "fails") throw new Error("GitHub answered 500");
    if (blow === "killed after") await act();
    die();
    return await never;
  };
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member === "function")
          return (...values: unknown[]) => meet(() => Reflect.apply(member, target, values));
        return typeof member === "object" && member !== null ? wrap(member) : member;
      },
    });
  const failed = (error: unknown) => ({ ended: "failed", error }) as const;
  const ended = await Promise.race([dead, work(wrap).then(() => "done" as const, failed)]);
  return typeof ended === "string" ? { ended, calls } : { ...ended, calls };
}
