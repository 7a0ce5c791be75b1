/** The place of one worker: a listening socket of each port, and whoever serves them now. */
import { CommandError } from "../../config/command-error.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type { CertificateChange } from "../../seam/certificates.ts";
import type { DataPlaneOptions } from "../../seam/plane-calls.ts";
import type { SlotDescription } from "../socket/status-protocol.ts";
import { type LinkContext, LinkedWorker, type WorkerHandle } from "./linked-worker.ts";
import { RestartPauses } from "./restart-pauses.ts";

export interface SlotContext extends LinkContext {
  clock: Clock;
  logger: Logger;
  /** Its place among the others. */
  number: number;
  options: DataPlaneOptions;
  launch(): Promise<WorkerHandle>;
  /** Everything that was pushed so far. */
  certificates(): CertificateChange | null;
  /** It has died. */
  died(worker: LinkedWorker): void;
}

export class WorkerSlot {
  readonly #context: SlotContext;
  readonly #pauses = new RestartPauses();
  /** Who is there, serving or about to. */
  #worker: LinkedWorker | null = null;
  #state: SlotDescription["state"] = "starting";
  #restarts = 0;
  #timer: Timer | null = null;
  #gone: Promise<unknown> = Promise.resolve();

  constructor(context: SlotContext) {
    this.#context = context;
  }

  get number(): number {
    return this.#context.number;
  }

  get worker(): LinkedWorker | null {
    return this.#worker;
  }

  get state(): SlotDescription["state"] {
    return this.#state;
  }

  /** How often a worker was replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when nobody is there any more. */
  get gone(): Promise<unknown> {
    return this.#gone;
  }

  /** The first start: throws when it fails. */
  async start(): Promise<void> {
    if (!(await this.#begin())) {
      throw new CommandError("a worker could not be started; the log has the reason");
    }
  }

  /** Nobody takes the place of who is there. */
  retire(): void {
    this.#state = "ended";
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** True when it serves. */
  async #begin(): Promise<boolean> {
    const { logger, number } = this.#context;
    this.#state = "starting";
    let launched: WorkerHandle;
    try {
      launched = await this.#context.launch();
    } catch (error) {
      logger.error("Unable to start worker", { worker: number, error: messageOf(error) });
      this.#scheduleNext();
      return false;
    }
    const worker = new LinkedWorker(launched, this.#context);
    this.#worker = worker;
    this.#gone = launched.gone.then((end) => this.#died(worker, end));
    if (this.#hasEnded) launched.kill();
    const ports = await this.#prepare(worker);
    if (ports === null || this.#worker !== worker) {
      launched.kill();
      return false;
    }
    if (!this.#hasEnded) this.#state = "serving";
    return true;
  }

  /** Told everything before it listens; what is published meanwhile follows in its order. */
  async #prepare(worker: LinkedWorker): Promise<unknown> {
    const { dataPlane } = worker.handle;
    const certificates = this.#context.certificates();
    const answers = [
      worker.answer(dataPlane.start(this.#context.options)),
      worker.publish(),
      certificates === null ? null : worker.certificates(certificates),
      worker.answer(dataPlane.listen()),
    ];
    return (await Promise.all(answers)).at(-1);
  }

  #died(worker: LinkedWorker, end: { exitCode: number | null; signal: string | null }): void {
    this.#context.died(worker);
    this.#worker = null;
    if (this.#hasEnded) return;
    this.#context.logger.error("Worker died", {
      worker: this.number,
      pid: worker.handle.pid,
      exit_code: end.exitCode ?? undefined,
      signal: end.signal ?? undefined,
    });
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    if (this.#hasEnded) return;
    const { clock, logger, number } = this.#context;
    const pauseMs = this.#pauses.nextMs(clock.now());
    this.#restarts++;
    if (pauseMs === 0) {
      void this.#begin();
      return;
    }
    this.#state = "waiting";
    logger.error("Worker dies again and again", { worker: number, retry_ms: pauseMs });
    this.#timer = clock.after(pauseMs, () => void this.#begin());
  }

  get #hasEnded(): boolean {
    return this.#state === "ended";
  }
}
