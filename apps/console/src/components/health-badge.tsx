import type { Product } from '../api/types';
import { texts } from '../texts';
import type { Tone } from './state-language';
import { ToneBadge } from './status-badge';

const TONES: Record<Product['health'], Tone> = { healthy: 'ok', degraded: 'warn', failing: 'bad', disabled: 'off' };

/** The one word for how a product is: the worst of connection, queue, deliveries and destinations, with the reasons on hover. */
export function HealthBadge({ of }: { of: Pick<Product, 'health' | 'health_reasons'> }) {
  const reasons = of.health_reasons.map(({ reason }) => reason).join(' ');
  return (
    <ToneBadge tone={TONES[of.health]} hint={reasons === '' ? undefined : reasons}>
      {texts.health[of.health]}
    </ToneBadge>
  );
}
