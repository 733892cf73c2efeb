/** Jest runs the sources as Node does: ESM, types stripped by Node itself. */
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.js" },
  moduleNameMapper: { "^fast-check$": "<rootDir>/test/support/fast-check.ts" },
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  setupFilesAfterEnv: ["<rootDir>/test/support/network.ts"],
  testTimeout: 120_000,
  maxWorkers: "100%",
  // Modules of a test file are never given back by a process that runs ES modules in sandboxes: it is replaced in time.
  workerIdleMemoryLimit: "1GB",
};
