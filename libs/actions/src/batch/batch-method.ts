import type { ActionFault } from '../action-fault';
import type { ActionRuntime } from '../action-runtime';
import type { ActionOutcome, ExecuteOptions } from '../action-outcome';

/** How one message of a batch ended. */
export type ItemOutcome = ActionOutcome | ActionFault;

/** How a type of action sends several messages at once. */
export interface BatchMethod<P> {
  /** Only messages of one group are sent together. */
  groupOf(prepared: P): string;
  /** Bytes that it adds to what is sent. */
  bytesOf(prepared: P): number;
  /** Messages that can be sent at once, whatever the settings say; absent = any number. */
  mostOf?(prepared: P): number;
  /** Sends them as one. Resolves with the outcome of each, in order; throws ActionFault when all have failed alike. */
  execute(items: readonly P[], runtime: ActionRuntime, options: ExecuteOptions): Promise<readonly ItemOutcome[]>;
  /**
   * Whether the fault of a batch may be that of one message in it, so that smaller ones are tried at once. Otherwise none of them
   * would fare better now.
   */
  mayBeOfOne(fault: ActionFault): boolean;
  /** What is shown of it in a dry run. */
  preview(items: readonly P[]): Record<string, unknown>;
}
