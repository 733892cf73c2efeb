import { monitor } from "../loop/monitor/monitor.ts";
import { systemClock } from "../wire.ts";
import { runMonitorJob } from "./monitor-job.ts";
import { surroundings } from "./surroundings.ts";

// The entry of `actions/monitor/action.yml`.
await runMonitorJob({ ...surroundings, clock: systemClock, monitor });
