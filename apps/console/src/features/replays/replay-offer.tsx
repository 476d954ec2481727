import { Alert, Button, Group } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';
import { post } from '../../api/client';
import type { Replay } from '../../api/types';
import { notifyFailure } from '../../components/notify';
import { exactTime } from '../../components/relative-time';
import { texts } from '../../texts';
import { useArchiveUsage } from '../messages/messages-query';
import { useState } from 'react';

const words = texts.messages.replays;
const DAY_MS = 86_400_000;
/** As long as messages are kept by default. */
const BACKFILL_DAYS = 3;

/** A stretch of time that something else has named, such as an event: one click from a plan. */
export function TimeOffer({ productId, from, to }: { productId: number; from: string; to: string }) {
  const navigate = useNavigate();
  const [isPlanning, setPlanning] = useState(false);
  const plan = async () => {
    setPlanning(true);
    try {
      const { id } = await post<Replay>(`/products/${productId}/replays`, { selection: { from, to } });
      await navigate(`/products/${productId}/replays?open=${id}`, { replace: true });
    } catch (error) {
      notifyFailure(words.title, error);
    }
    setPlanning(false);
  };
  return (
    <Alert color="blue" title={words.offer(exactTime(from), exactTime(to))}>
      <p>{words.offerHint}</p>
      <Button leftSection={<IconPlayerPlay size={15} />} loading={isPlanning} onClick={() => void plan()}>
        {words.plan}
      </Button>
    </Alert>
  );
}

/** A subscription was just created: what was recorded before can go through it as well. */
export function BackfillOffer({ productId, subscriptionId }: { productId: number; subscriptionId: number }) {
  const usage = useArchiveUsage(productId);
  const planned = useQuery({
    queryKey: ['products', productId, 'backfill', subscriptionId],
    queryFn: () =>
      post<Replay>(`/products/${productId}/replays`, {
        selection: { from: new Date(Date.now() - BACKFILL_DAYS * DAY_MS).toISOString() },
        target: { subscription_ids: [subscriptionId] },
      }),
    enabled: usage.data?.enabled === true,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const { id, plan } = planned.data ?? {};
  if (id === undefined || plan === undefined || plan.messages === 0) return null;
  return (
    <Alert color="blue" icon={<IconPlayerPlay size={18} />}>
      <Group>
        {words.backfill(BACKFILL_DAYS, words.messages(plan.messages, plan.exact))}
        <Button component={Link} size="compact-sm" to={`/products/${productId}/replays?open=${id}`}>
          {words.look}
        </Button>
      </Group>
    </Alert>
  );
}
