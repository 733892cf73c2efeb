/** Stops what `global-setup.ts` started, whether the tests passed or not. Jest demands a default export. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.whetstonePostgres?.stop();
}
