import { Button, NativeSelect, Switch, Tooltip } from '@mantine/core';
import { IconFilter, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { ConnectionStatus, Subscription, SubscriptionChange } from '../../api/types';
import { writeUnlessChanged } from '../../api/write-unless-changed';
import { ActionIcons } from '../../components/action-icons';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { count } from '../../components/relative-time';
import { SearchField, useSearch } from '../../components/search-field';
import { Empty, NoMatch } from '../../components/states';
import { ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { readSubscription } from '../subscription/subscription-query';
import type { TaggedConfig } from './mqtt-config-query';
import { type FilterReading, listSubscriptions, lookOf, readFilters, type SubscriptionSort } from './subscription-list';
import classes from './subscriptions-list.module.css';

const words = texts.subscriptions;
const ROW_HEIGHT = 62;
/** Rows that are shown without a frame of their own to scroll in. */
const UNFRAMED_ROWS = 12;
const NOTHING_KNOWN: FilterReading = { reported: new Map(), others: 'unknown' };

interface Props {
  productId: number;
  subscriptions: Subscription[];
  /** Undefined while it is not known yet. */
  status: ConnectionStatus | undefined;
  /** QoS of subscriptions without one of their own. */
  defaultQos: number;
  canChange: boolean;
}

/** Every subscription with its switch, filter state and counters; only the rows in sight are in the page. */
export function SubscriptionsList(props: Props) {
  const { productId, subscriptions, canChange } = props;
  const [search, clearSearch] = useSearch();
  const [sort, setSort] = useState<SubscriptionSort>('name');
  const deferredSearch = useDeferredValue(search);
  const shown = useMemo(
    () => listSubscriptions(subscriptions, deferredSearch, sort),
    [subscriptions, deferredSearch, sort],
  );
  const create = canChange ? (
    <Button
      component={Link}
      to={`/products/${productId}/subscriptions/new`}
      leftSection={<IconPlus size={16} />}
      variant={subscriptions.length === 0 ? 'filled' : 'light'}
    >
      {words.create}
    </Button>
  ) : undefined;
  return (
    <Panel
      id="subscriptions"
      title={words.title}
      hint={subscriptions.length === 0 ? words.hint : words.count(subscriptions.length)}
      actions={create}
      flush
    >
      {subscriptions.length === 0 ? (
        <Empty icon={IconFilter} title={words.empty} hint={words.emptyHint} action={create} />
      ) : (
        <>
          <div className={classes.toolbar}>
            <SearchField label={words.search} className={classes.search} />
            <NativeSelect
              aria-label={words.sort}
              className={classes.sort}
              value={sort}
              onChange={(event) => setSort(event.currentTarget.value as SubscriptionSort)}
              data={Object.entries(words.sorts).map(([value, label]) => ({ value, label }))}
            />
          </div>
          {shown.length === 0 ? (
            <NoMatch query={search} onClear={clearSearch} />
          ) : (
            <Rows {...props} subscriptions={shown} />
          )}
        </>
      )}
    </Panel>
  );
}

function Rows({ productId, subscriptions, status, defaultQos, canChange }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const filters = useMemo(() => (status ? readFilters(status) : NOTHING_KNOWN), [status]);
  const toggle = useToggle(productId);
  const virtualizer = useVirtualizer({
    count: subscriptions.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    getItemKey: (index) => subscriptions[index]?.id ?? index,
  });
  const height = Math.min(subscriptions.length, UNFRAMED_ROWS) * ROW_HEIGHT;
  return (
    <div ref={frame} className={classes.frame} style={{ height }}>
      <ul className={classes.rows} style={{ height: virtualizer.getTotalSize() }} aria-label={words.title}>
        {virtualizer.getVirtualItems().map((item) => {
          const subscription = subscriptions[item.index];
          if (!subscription) return null;
          const look = lookOf(subscription, filters, defaultQos);
          return (
            <li
              key={item.key}
              className={classes.row}
              style={{ transform: `translateY(${item.start}px)` }}
              aria-setsize={subscriptions.length}
              aria-posinset={item.index + 1}
            >
              <Switch
                size="sm"
                className={classes.switch}
                aria-label={words.enable(subscription.name)}
                checked={subscription.enabled}
                disabled={!canChange}
                onChange={(event) => toggle(subscription, event.currentTarget.checked)}
              />
              <div className={classes.main}>
                <Link to={`/products/${productId}/subscriptions/${subscription.id}`} className={classes.name}>
                  {subscription.name}
                </Link>
                <span className={classes.filter}>
                  <Tooltip label={look.words}>
                    <span className={classes.filterState}>
                      <ToneIcon tone={look.tone} size={13} />
                      <span className={classes.hidden}>{look.words}</span>
                    </span>
                  </Tooltip>
                  <code>{subscription.topic_filter}</code>
                </span>
              </div>
              <div className={classes.actions}>
                <ActionIcons actions={subscription.actions} />
              </div>
              <div className={classes.figures}>
                <span>
                  {count(subscription.messages_received)} <span className={classes.note}>{words.messages}</span>
                </span>
                <span className={classes.note}>
                  {subscription.actions_failed > 0 && (
                    <span className={classes.failed}>{words.failed(subscription.actions_failed)} · </span>
                  )}
                  <Time at={subscription.last_message_at} fallback={words.never} />
                </span>
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Switches at once, shows it before the server has answered, and offers the way back. */
function useToggle(productId: number) {
  const queryClient = useQueryClient();
  const show = (id: number, change: SubscriptionChange) =>
    queryClient.setQueryData<TaggedConfig>(keys.mqttConfig(productId), (config) =>
      config
        ? {
            ...config,
            document: {
              ...config.document,
              subscriptions: config.document.subscriptions.map((one) => (one.id === id ? { ...one, ...change } : one)),
            },
          }
        : config,
    );
  const write = async ({ id }: Subscription, enabled: boolean): Promise<boolean> => {
    const etag = queryClient.getQueryData<TaggedConfig>(keys.mqttConfig(productId))?.etag ?? null;
    show(id, { enabled });
    try {
      await writeUnlessChanged({
        seen: { value: !enabled, etag },
        readNewest: async () => {
          const newest = await readSubscription(productId, id);
          return { value: newest.subscription.enabled, etag: newest.etag };
        },
        isSame: Object.is,
        write: (ifMatch) =>
          request('PUT', `/products/${productId}/mqtt-config/subscriptions/${id}`, { body: { enabled }, ifMatch }),
      });
      return true;
    } catch (error) {
      show(id, { enabled: !enabled });
      notifyFailure(texts.common.saveFailed, error);
      return false;
    } finally {
      void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
    }
  };
  return (subscription: Subscription, enabled: boolean) => {
    void write(subscription, enabled).then((done) => {
      if (!done) return;
      notifyDone(enabled ? words.enabled(subscription.name) : words.disabled(subscription.name), {
        run: () => void write(subscription, !enabled),
      });
    });
  };
}
