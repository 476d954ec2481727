import type { TestStage } from '@cortex-mqtt/contracts';

/** A failure on the way to the CONNECT packet, with the stage it happened in. `code` is Node's or one of ours. */
export class BrokerStreamError extends Error {
  override name = 'BrokerStreamError';
  constructor(
    message: string,
    readonly stage: TestStage,
    readonly code: string,
    /** HTTP status of a refused websocket upgrade, or of a proxy that refused. */
    readonly http_status: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
