/** Real connections, as the proxy makes them. */
import { systemClock } from "../../src/lib/clock.ts";
import { SystemResolver } from "../../src/net/resolver/resolver.ts";
import { SystemConnector } from "../../src/net/system-connector.ts";

export const systemConnector = new SystemConnector(
  new SystemResolver({ clock: systemClock }),
  systemClock,
);
