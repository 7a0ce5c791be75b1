/** Asks a new version of an app which settings it wants. */
import { CommandError } from "../../config/command-error.ts";
import {
  appSettingsTimeoutMs,
  maxAppSettingsBytes,
  upstreamConnectTimeoutMs,
} from "../../config/limits.ts";
import { appSettingsPath } from "../../config/paths.ts";
import type { NamedValues } from "../../config/setting-layers.ts";
import { formatDuration } from "../../go/duration.ts";
import type { Clock } from "../../lib/clock.ts";
import { DeadlineQueue } from "../../lib/deadline-queue.ts";
import type { Connector } from "../../net/connector.ts";
import { healthEndpoint } from "../health/health-endpoint.ts";
import { type HealthAnswer, HealthRequest } from "../health/health-request.ts";
import type { TargetGroup } from "../health/target-group.ts";
import { appLayer } from "./app-layer.ts";

export type AskApp = (group: TargetGroup, shutdown: AbortSignal) => Promise<NamedValues>;

/**
 * The first target speaks for all of them. An app that has the path and can't be understood fails the deploy:
 * without what it wants more might be seen than it means to show.
 */
export function askAppThrough(connector: Connector, clock: Clock): AskApp {
  const connecting = new DeadlineQueue(clock, upstreamConnectTimeoutMs);
  return async (group, shutdown) => {
    const [target] = group.targets;
    const { healthCheck, targetProtocol } = group.targetOptions;
    // Neither speaks HTTP/1.1.
    if (target === undefined || healthCheck.protocol === "grpc" || targetProtocol === "h2c") {
      return {};
    }
    const endpoint = healthEndpoint(target.address, {
      ...healthCheck,
      port: 0,
      path: appSettingsPath,
    });
    const where = endpoint.url;
    const late = new AbortController();
    const request = new HealthRequest(
      endpoint,
      AbortSignal.any([shutdown, late.signal]),
      maxAppSettingsBytes,
    );
    const timer = clock.after(appSettingsTimeoutMs, () =>
      late.abort(
        new CommandError(
          `${where} was not answered within ${formatDuration(appSettingsTimeoutMs)}`,
        ),
      ),
    );
    let answer: HealthAnswer | string;
    try {
      answer = await request.send(connector, connecting);
    } finally {
      timer.cancel();
    }
    if (typeof answer === "string") throw new CommandError(`unable to ask ${where}: ${answer}`);
    if (answer.status >= 500) throw new CommandError(`unable to ask ${where}: ${answer.status}`);
    if (answer.status !== 200) return {};
    const text = request.body.toString();
    if (!request.isCut) return appLayer(where, text);
    // A page of that size that is served for any path is no JSON.
    if (!text.trimStart().startsWith("{")) return {};
    throw new CommandError(`${where} is larger than ${maxAppSettingsBytes} bytes`);
  };
}
