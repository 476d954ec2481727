import type { ConnectionState, DestinationReport } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsString, ValidateNested } from 'class-validator';

/** Best first; `disabled` is none of them. */
const LEVELS = ['healthy', 'degraded', 'failing'] as const;
type Level = (typeof LEVELS)[number];
/** The one word for how a product is. */
export const HEALTH_WORDS = [...LEVELS, 'disabled'] as const;
export type HealthWord = (typeof HEALTH_WORDS)[number];

export const HEALTH_PARTS = ['connection', 'queue', 'deliveries', 'destinations'] as const;

export class HealthReasonView {
  @IsIn(HEALTH_PARTS)
  part!: (typeof HEALTH_PARTS)[number];

  @IsIn(['degraded', 'failing'])
  health!: 'degraded' | 'failing';

  @IsString()
  reason!: string;
}

/** In every view of a product. */
export class ProductHealthView {
  /** The worst of connection, queue, deliveries and destinations. */
  @IsIn(HEALTH_WORDS)
  health!: HealthWord;

  /** Why it is not healthy, the worst first; empty when it is. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => HealthReasonView)
  health_reasons!: HealthReasonView[];
}

export interface HealthFacts {
  enabled: boolean;
  state: ConnectionState;
  connection_error: string | null;
  /** null = not known, as for the next ones. */
  queue_depth: number | null;
  oldest_queued_ms: number | null;
  oldest_unacknowledged_ms: number | null;
  dead_letters: number | null;
  destinations: Pick<DestinationReport, 'name' | 'breaker' | 'attempts' | 'failed' | 'last_error'>[];
}

const MINUTE_MS = 60_000;
const CONNECTION: Record<ConnectionState, Level> = {
  connected: 'healthy',
  connecting: 'degraded',
  degraded: 'degraded',
  disconnected: 'failing',
  stale: 'failing',
  no_listener: 'failing',
};

/** Half of the attempts of a minute, of at least this many. */
const FAILING_SHARE = 0.5;
const FAILING_ATTEMPTS = 5;

/** How a product is: the worst of its connection, queue, deliveries and destinations. */
export function productHealth(facts: HealthFacts): ProductHealthView {
  if (!facts.enabled) return { health: 'disabled', health_reasons: [] };
  const reasons = [
    ...connectionReasons(facts),
    ...queueReasons(facts),
    ...deliveryReasons(facts),
    ...destinationReasons(facts),
  ];
  reasons.sort((a, b) => LEVELS.indexOf(b.health) - LEVELS.indexOf(a.health));
  return { health: reasons[0]?.health ?? 'healthy', health_reasons: reasons };
}

function connectionReasons({ state, connection_error }: HealthFacts): HealthReasonView[] {
  const health = CONNECTION[state];
  if (health === 'healthy') return [];
  return [{ part: 'connection', health, reason: connection_error ?? `The connection is ${state.replace('_', ' ')}.` }];
}

function queueReasons({ oldest_queued_ms, queue_depth }: HealthFacts): HealthReasonView[] {
  const age_min = Math.floor((oldest_queued_ms ?? 0) / MINUTE_MS);
  if (age_min < 15) return [];
  const reason = `The oldest of ${queue_depth ?? 'the'} queued deliveries has waited for ${age_min} minutes.`;
  return [{ part: 'queue', health: age_min >= 60 ? 'failing' : 'degraded', reason }];
}

function deliveryReasons({ dead_letters, oldest_unacknowledged_ms }: HealthFacts): HealthReasonView[] {
  const reasons: HealthReasonView[] = [];
  if ((dead_letters ?? 0) > 0) {
    const reason =
      dead_letters === 1 ? '1 dead letter waits for a decision.' : `${dead_letters} dead letters wait for a decision.`;
    reasons.push({ part: 'deliveries', health: 'degraded', reason });
  }
  const age_min = (oldest_unacknowledged_ms ?? 0) / MINUTE_MS;
  if (age_min >= 1) {
    const reason = `A message has not been acknowledged for ${Math.floor(age_min)} minutes.`;
    reasons.push({ part: 'deliveries', health: age_min >= 5 ? 'failing' : 'degraded', reason });
  }
  return reasons;
}

function destinationReasons({ destinations }: HealthFacts): HealthReasonView[] {
  return destinations.flatMap(({ name, breaker, attempts, failed, last_error }): HealthReasonView[] => {
    const why = last_error === null ? '' : `: ${last_error}`;
    if (breaker !== 'closed')
      return [{ part: 'destinations', health: 'failing', reason: `The breaker of ${name} is open${why}` }];
    if (attempts < FAILING_ATTEMPTS || failed / attempts < FAILING_SHARE) return [];
    return [
      { part: 'destinations', health: 'degraded', reason: `${failed} of ${attempts} attempts to ${name} failed${why}` },
    ];
  });
}
