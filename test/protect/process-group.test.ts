import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { groupGone } from "../../src/protect/process-group.ts";

/** A group of one: an orphan would stay listed until somebody collects it. */
async function group(): Promise<{ readonly pid: number; readonly ended: Promise<unknown> }> {
  const child = spawn("sh", ["-c", "echo up; exec sleep 60"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  return { pid: child.pid ?? 0, ended: once(child, "close") };
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
};

describe("groupGone", () => {
  test("resolves once nobody of a killed group is left", async () => {
    const { pid, ended } = await group();
    process.kill(-pid, "SIGKILL");
    await groupGone(pid);
    await ended;
    expect(isThere(pid)).toBe(false);
  });

  test("gives up on a group that stays, and leaves it alone", async () => {
    const { pid, ended } = await group();
    await groupGone(pid);
    expect(isThere(pid)).toBe(true);
    process.kill(-pid, "SIGKILL");
    await ended;
  });

  test("has nothing to wait for without a group", async () => {
    await expect(groupGone(undefined)).resolves.toBeUndefined();
  });
});
