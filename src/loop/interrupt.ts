import { WhetstoneError } from "../model/error.ts";

/**
 * Runs work with a signal that aborts on Ctrl-C or SIGTERM, so that what the work holds is released before the end.
 * @throws WhetstoneError `interrupted` for whatever the work failed with after such a signal
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once("SIGINT", abort);
  process.once("SIGTERM", abort);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    throw new WhetstoneError("interrupted", "The run was interrupted; what it held was released.", {
      remedy: "Run it again when you like; nothing has to be cleaned up.",
      cause: error,
    });
  } finally {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  }
}
