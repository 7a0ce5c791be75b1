/** Who serves for the control plane: the workers, or where they are not possible, this process itself. */
import { CommandError } from "../../config/command-error.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { DataPlane } from "../../seam/data-plane.ts";
import type { DistantDataPlane } from "../../seam/distant-data-plane.ts";
import type { DataPlaneOptions, ListeningPorts } from "../../seam/plane-calls.ts";
import type { WorkerDescription } from "../socket/protocol.ts";

/** To be told what is published before it is opened, and while it serves. */
export interface Serving {
  readonly plane: DataPlane;
  /** Resolves when everything that was published is served. Throws a CommandError with the reason. */
  open(): Promise<ListeningPorts>;
  /** What is left is cut; resolves when the last lines of the log have arrived. */
  end(): Promise<void>;
  describe(): Promise<WorkerDescription[]>;
}

/** One data plane in this process, at the other end of the seam. */
export function serveInOneProcess(plane: DistantDataPlane, options: DataPlaneOptions): Serving {
  void plane.start(options);
  return {
    plane,
    async open() {
      try {
        return await plane.listen();
      } catch (error) {
        throw new CommandError(messageOf(error));
      }
    },
    end: () => plane.end(),
    describe: async () => [],
  };
}
