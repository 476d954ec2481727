import type { ActionDefinition, EnvelopeExtras, MessageEnvelope, PayloadFormat } from '@cortex-mqtt/contracts';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import {
  createExpressionEngine,
  createSharedPayload,
  type EnvelopeFields,
  type ExpressionEngine,
  LazyEnvelope,
  type SharedPayload,
} from '@cortex-mqtt/expressions';
import { ActionFault } from '../action-fault';
import { validateActions } from '../action-registry';
import { type ActionResult, type ActionRunner, type ActionScope, createActionRunner } from '../action-runner';
import type { ActionRuntime } from '../action-runtime';
import { createPostgresSender } from '../postgres/postgres-sender';
import { HopMemory } from '../publish/hop-memory';
import type { PublishRequest } from '../publish/publisher';
import type { JobRequest } from '../queue/job-queues';
import { createHttpSender } from '../webhook/http/http-sender';

/** Everything actions are run with, loopback allowed; what isn't about the network is only recorded. */
export interface ActionBench {
  engine: ExpressionEngine;
  runner: ActionRunner;
  runtime: ActionRuntime;
  published: PublishRequest[];
  jobs: JobRequest[];
  lines: { level: string; message: string; fields: Record<string, unknown> }[];
  run(action: object, scope?: ScopeOptions): Promise<ActionResult>;
  /** The fault of an attempt; fails when there is none. */
  faultOf(action: object, scope?: ScopeOptions): Promise<ActionFault>;
  stop(): Promise<void>;
}

export interface ScopeOptions extends Partial<Omit<ActionScope, 'envelope' | 'secrets'>> {
  payload?: string | Buffer;
  format?: PayloadFormat;
  envelope?: Partial<EnvelopeFields>;
  secrets?: Record<string, string>;
  signal?: AbortSignal;
  attempt?: number;
}

export function createActionBench(
  overrides: Partial<ActionRuntime> & {
    egressAllow?: string[];
    connectTimeout_ms?: number;
    redact?: (text: string) => string;
  } = {},
): ActionBench {
  const { egressAllow = ['loopback'], connectTimeout_ms, redact = (text) => text, ...runtimeOverrides } = overrides;
  const egress = createEgressPolicy({ allow: egressAllow });
  const published: PublishRequest[] = [];
  const jobs: JobRequest[] = [];
  const lines: ActionBench['lines'] = [];
  const runtime: ActionRuntime = {
    http: createHttpSender({ egress, connect_timeout_ms: connectTimeout_ms }),
    postgres: createPostgresSender({ egress }),
    hops: new HopMemory(),
    publisher: {
      supports_properties: true,
      publish: async (request) => {
        published.push(request);
      },
    },
    queues: {
      add: async (job) => {
        jobs.push(job);
      },
      addBulk: async (_queue, added) => {
        jobs.push(...added);
      },
    },
    log: { log: (level, message, fields) => lines.push({ level, message, fields }) },
    ...runtimeOverrides,
  };
  const engine = createExpressionEngine();
  const runner = createActionRunner({ engine, runtime, redact });
  const run: ActionBench['run'] = (action, scope = {}) =>
    runner.run(buildAction(action), buildScope(scope), { attempt: scope.attempt ?? 1, signal: scope.signal });
  return {
    engine,
    runner,
    runtime,
    published,
    jobs,
    lines,
    run,
    faultOf: async (action, scope) => {
      const outcome: unknown = await run(action, scope).catch((error: unknown) => error);
      if (outcome instanceof ActionFault) return outcome;
      throw new Error(`no ActionFault: ${JSON.stringify(outcome)} ${String(outcome)}`);
    },
    stop: async () => {
      await Promise.all([engine.stop(), runtime.http.close(), runtime.postgres.close()]);
    },
  };
}

/** A validated definition; throws with the faults of one that isn't valid. */
export function buildAction(action: object): ActionDefinition {
  const { actions, faults } = validateActions([action]);
  if (faults.length > 0 || !actions[0]) throw new Error(JSON.stringify(faults));
  return actions[0] as ActionDefinition;
}

export function buildScope({
  payload = '{"order": {"id": 7, "name": "Zoë"}}',
  format = 'json',
  ...options
}: ScopeOptions = {}): ActionScope {
  const { secrets = {} } = options;
  return {
    envelope: buildEnvelope({ payload, format, fields: options.envelope }),
    content_type: options.content_type ?? null,
    topic_filter: options.topic_filter ?? 'orders/#',
    secrets: (name) => secrets[name],
  };
}

/** As the pipeline makes them: its fields are getters of a class, so nothing may spread or enumerate it. */
class TestEnvelope extends LazyEnvelope {
  constructor(
    private readonly fields: EnvelopeFields,
    readonly shared: SharedPayload,
  ) {
    super();
  }

  get id(): string {
    return this.fields.id;
  }

  get extras(): EnvelopeExtras {
    return this.fields;
  }

  get product_id(): number {
    return this.fields.product_id;
  }

  get subscription_id(): number {
    return this.fields.subscription_id;
  }

  get topic(): string {
    return this.fields.topic;
  }

  get params(): Record<string, string> {
    return this.fields.params;
  }

  get qos(): MessageEnvelope['qos'] {
    return this.fields.qos;
  }

  get retain(): boolean {
    return this.fields.retain;
  }

  get duplicate(): boolean {
    return this.fields.duplicate;
  }

  get user_properties(): MessageEnvelope['user_properties'] {
    return this.fields.user_properties;
  }

  get received_at(): string {
    return this.fields.received_at;
  }
}

function buildEnvelope({
  payload,
  format,
  fields,
}: {
  payload: string | Buffer;
  format: PayloadFormat;
  fields: Partial<EnvelopeFields> | undefined;
}): MessageEnvelope {
  return new TestEnvelope(
    {
      id: 'msg_test',
      product_id: 1,
      subscription_id: 2,
      topic: 'orders/7/created',
      params: { order: '7' },
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      received_at: '2026-01-02T03:04:05.678Z',
      ...fields,
    },
    createSharedPayload({ bytes: Buffer.from(payload), format }),
  );
}
