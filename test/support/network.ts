import { afterAll } from "@jest/globals";
import nock from "nock";

// Tests talk to this machine only; anything else is a mistake and fails at once.
nock.disableNetConnect();
nock.enableNetConnect(/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/);
afterAll(() => {
  nock.restore();
});
