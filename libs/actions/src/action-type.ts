import type { FieldFault, MessageEnvelope, PayloadFormat, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { ExactValue, ExpressionEngine, TemplateScope } from '@cortex-mqtt/expressions';
import type { ClassConstructor } from 'class-transformer';
import type { ActionBase } from './action-base';
import type { ActionRuntime } from './action-runtime';
import type { ActionOutcome, ExecuteOptions } from './action-outcome';
import type { BatchMethod } from './batch/batch-method';
import type { Sibling } from './publish/publish-cycle';
import type { BrokerLimits } from './publish/publish-limits';

export type { ActionOutcome, ExecuteOptions } from './action-outcome';

/** What is known where a definition is saved. */
export interface CheckContext {
  /** Names of the product's secrets; null = unknown, so that references aren't checked. */
  secretNames: ReadonlySet<string> | null;
  /** Value of one, to check that it fits its use; null = unknown. Absent: none is known. It must not get into a fault. */
  secretValue?: (name: string) => string | null;
  /** The subscription the action belongs to; null = unknown. */
  subscription: { topic_filter: string; payload_format: PayloadFormat } | null;
  /** The other enabled subscriptions of the product; absent = unknown. */
  siblings?: readonly Sibling[];
  /** What the broker takes; absent or null = unknown. */
  broker?: BrokerLimits | null;
  /** Queues that the product may add jobs to, `x*` for those that begin with x; absent or null = every one that is not ours. */
  allowedQueues?: readonly string[] | null;
  /** null = unknown. */
  protocol_version: ProtocolVersion | null;
}

/** One message for one action. */
export interface PrepareContext {
  /** Its `id` is the idempotency id of (message, subscription, action). */
  envelope: MessageEnvelope;
  /** What the action's `input` gave; undefined when it has none. */
  input: ExactValue | undefined;
  /** Content type the message came with. */
  content_type: string | null;
  /** Filter of the subscription, for finding loops. */
  topic_filter: string | null;
  /** Values of secrets by name, or `redact` for a dry run. */
  secrets: TemplateScope['secrets'];
  engine: ExpressionEngine;
}

/**
 * Exactly what would be sent; has no effect. Throws ExpressionError, PayloadDecodeError or ActionFault. A promise only
 * where an expression has to be evaluated: what is there at once costs no turn of the event loop.
 */
export type Prepare<P> = (context: PrepareContext) => P | Promise<P>;

/**
 * One kind of action. A new kind is a folder with its class and an object of this shape, one line in `action-definition.ts`
 * and one in `action-registry.ts`.
 */
export interface ActionType<D extends ActionBase, P> {
  type: string;
  title: string;
  description: string;
  /** The class that validates a definition and from which its form is generated. */
  definition: ClassConstructor<D>;
  /** What the class can't tell: expressions, templates, secrets that don't exist, loops. Paths are relative to the action. */
  check(definition: D, context: CheckContext): FieldFault[];
  /**
   * Works out what is the same for every message, such as templates. Done once, before the first of them. Throws
   * ExpressionError for a template that can't be read.
   */
  compile(definition: D): Prepare<P>;
  /** Sends it. Throws ActionFault. */
  execute(prepared: P, runtime: ActionRuntime, options: ExecuteOptions): ActionOutcome | Promise<ActionOutcome>;
  /** Name of where it goes, such as `https://example.test:443`: what fails together. Shown to people. */
  destination(prepared: P): string;
  /** Which limit of the broker it goes beyond, in words; absent: it doesn't go to the broker. */
  beyondLimits?(prepared: P, broker: BrokerLimits): string | null;
  /** What is shown of it in a dry run; without secrets when it was prepared with `redact`. */
  preview(prepared: P): Record<string, unknown>;
  /** How it sends several at once, when its definition has `batch`; absent: it can not. */
  batch?: BatchMethod<P>;
}
