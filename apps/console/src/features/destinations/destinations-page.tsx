import { Button, Group } from '@mantine/core';
import { IconTargetArrow } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../../api/client';
import { keys } from '../../api/keys';
import type { Destination } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import type { Tone } from '../../components/state-language';
import { Empty, Loaded } from '../../components/states';
import { ToneBadge, ToneIcon } from '../../components/status-badge';
import { Countdown } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProductId } from '../products/product-id';

const words = texts.destinations;
const TONES: Record<Destination['state'], Tone> = { healthy: 'ok', slow: 'warn', failing: 'warn', breaker_open: 'bad' };

export function DestinationsPage() {
  const productId = useProductId();
  const destinations = useQuery({
    queryKey: keys.destinations(productId),
    queryFn: ({ signal }) => get<{ items: Destination[] }>(`/products/${productId}/destinations`, { signal }),
    refetchInterval: 5_000,
  });
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <Panel flush>
        <Loaded query={destinations}>
          {({ items: all }) =>
            all.length === 0 ? (
              <Empty icon={IconTargetArrow} title={words.empty} hint={words.emptyHint} />
            ) : (
              <ul className={rows.rows}>
                {all.map((destination) => (
                  <DestinationRow key={destination.id} productId={productId} destination={destination} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function DestinationRow({ productId, destination }: { productId: number; destination: Destination }) {
  const { name, state, rate, attempts, failed, latency_ms, last_error, next_try_at, subscriptions } = destination;
  const is_troubled = state === 'breaker_open' || state === 'failing';
  return (
    <li className={rows.row}>
      <ToneIcon tone={TONES[state]} size={18} />
      <span className={rows.main}>
        <span className={rows.title}>{name}</span>
        <span className={rows.note}>
          {words.rate(rate)}
          {attempts > 0 && ` · ${words.failed(failed, attempts)}`}
          {latency_ms !== null && ` · ${words.latency(latency_ms.p50, latency_ms.p99)}`}
          {subscriptions.length > 0 && ` · ${words.usedBy(subscriptions.map((one) => one.name).join(', '))}`}
        </span>
        {is_troubled && last_error !== null && <span className={rows.note}>{last_error}</span>}
        {next_try_at !== null && (
          <span className={rows.note}>
            {words.nextTry} <Countdown to={next_try_at} />
          </span>
        )}
        {state === 'breaker_open' && <BreakerButtons productId={productId} id={destination.id} />}
      </span>
      <ToneBadge tone={TONES[state]}>{words.states[state]}</ToneBadge>
    </li>
  );
}

function BreakerButtons({ productId, id }: { productId: number; id: string }) {
  const user = useUser();
  const queryClient = useQueryClient();
  const change = useMutation({
    mutationFn: (verb: 'try-now' | 'close-breaker') => post(`/products/${productId}/destinations/${id}/${verb}`),
    onSuccess: (_answer, verb) => {
      notifyDone(verb === 'try-now' ? words.triedNow : words.closed);
      void queryClient.invalidateQueries({ queryKey: keys.destinations(productId) });
    },
    onError: (error) => notifyFailure(words.changeFailed, error),
  });
  if (!mayChange(user, productId)) return null;
  return (
    <Group gap="xs" mt={6}>
      <Button size="compact-sm" variant="default" loading={change.isPending} onClick={() => change.mutate('try-now')}>
        {words.tryNow}
      </Button>
      <Button
        size="compact-sm"
        variant="subtle"
        loading={change.isPending}
        onClick={() => change.mutate('close-breaker')}
      >
        {words.closeBreaker}
      </Button>
    </Group>
  );
}
