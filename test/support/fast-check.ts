// By path: the bare name is mapped to this file (jest.config.js).
import fc from "../../node_modules/fast-check/lib/fast-check.js";

// The same cases in every run, so that a change is judged by what it changed; the weekly run of ci.yml draws new ones.
export const SEED = Number(process.env["FC_SEED"] || 20_261_120) | 0;

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });

export default fc;
