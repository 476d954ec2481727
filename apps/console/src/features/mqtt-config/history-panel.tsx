import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import type { ConnectionEvent, Page } from '../../api/types';
import { Panel } from '../../components/layout';
import type { Tone } from '../../components/state-language';
import { Empty, Loaded } from '../../components/states';
import { ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './history-panel.module.css';
import { plainFacts } from './stage-finding';

const TONES: Record<string, Tone> = {
  connected: 'ok',
  failback: 'ok',
  probe_recovered: 'ok',
  config_applied: 'ok',
  failover: 'warn',
  subscription_refused: 'warn',
  qos_downgraded: 'warn',
  session_lost: 'warn',
  disconnected: 'bad',
  connect_failed: 'bad',
  probe_lost: 'bad',
  taken_over: 'bad',
  config_rejected: 'bad',
};

const STEP = 10;

/** What happened to the connection, newest first. */
export function HistoryPanel({ productId }: { productId: number }) {
  const [size, setSize] = useState(STEP);
  const events = useQuery({
    queryKey: [...keys.events(productId), size],
    queryFn: ({ signal }) =>
      get<Page<ConnectionEvent>>(`/products/${productId}/mqtt-config/events`, {
        query: { page: 1, page_size: size },
        signal,
      }),
    refetchInterval: 10_000,
    placeholderData: (previous) => previous,
  });
  return (
    <Panel id="history" title={texts.status.history}>
      <Loaded query={events}>
        {({ items, total }) =>
          items.length === 0 ? (
            <Empty title={texts.status.historyEmpty} hint={texts.status.historyEmptyHint} />
          ) : (
            <>
              <ol className={classes.events}>
                {items.map((event) => (
                  <li key={event.id} className={classes.event}>
                    <ToneIcon tone={TONES[event.type] ?? 'off'} />
                    <div className={classes.what}>
                      <span>{texts.status.events[event.type] ?? event.type}</span>
                      <span className={classes.detail}>
                        {[event.instance_id, event.broker, plainFacts(event.detail)].filter(Boolean).join(' · ')}
                      </span>
                    </div>
                    <span className={classes.when}>
                      <Time at={event.at} />
                    </span>
                  </li>
                ))}
              </ol>
              {total > items.length && (
                <Button variant="subtle" size="compact-sm" onClick={() => setSize(size + STEP * 2)}>
                  {texts.status.historyMore}
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
