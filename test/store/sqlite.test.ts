import { describe } from "@jest/globals";
import { storeContract } from "./contract.ts";
import { inFiles } from "./harness.ts";

describe("SQLite", () => storeContract(inFiles, 60));
