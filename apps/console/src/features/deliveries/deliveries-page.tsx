import { Button, NativeSelect, SegmentedControl } from '@mantine/core';
import { IconChevronRight, IconInbox } from '@tabler/icons-react';
import { Link, useSearchParams } from 'react-router';
import type { Delivery, DeliveryState } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import { MomentInput } from '../../components/moment-input';
import { Pager } from '../../components/pager';
import rows from '../../components/rows.module.css';
import { SearchField } from '../../components/search-field';
import type { Tone } from '../../components/state-language';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useMqttConfig } from '../mqtt-config/mqtt-config-query';
import { useDeliveryCounts } from '../overview/overview-query';
import { useProductId } from '../products/product-id';
import { BulkActions, OperationPanel } from './bulk-actions';
import classes from './deliveries-page.module.css';
import { PAGE_SIZE, useDeliveries } from './deliveries-query';
import { DeliveryDrawer } from './delivery-drawer';
import { DELIVERY_STATES, type DeliveryFilter, filterIn, isFiltered } from './delivery-filter';

const words = texts.deliveries;
const TONES: { [S in DeliveryState]: Tone } = { dead: 'bad', retrying: 'warn', in_flight: 'busy' };

/** What is on its way, what is being retried, what was given up; each with its message. */
export function DeliveriesPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const [parameters, setParameters] = useSearchParams();
  const filter = filterIn(parameters);
  const page = Math.max(1, Number(parameters.get('page')) || 1);
  const deliveries = useDeliveries(productId, filter, page);
  const counts = useDeliveryCounts(productId);
  // Two answers of different moments side by side would contradict each other.
  const isWholeList = filter.state === 'dead' && !isFiltered(filter);
  const dead = isWholeList ? deliveries.data?.total : counts.data?.dead;
  const countOf = (state: DeliveryState): number | undefined => {
    if (state === 'dead') return dead;
    return state === filter.state && !isFiltered(filter) ? deliveries.data?.total : undefined;
  };

  /** Changes the address; an empty value takes the name out. */
  const set = (changes: Record<string, string | null>, options?: { isStep: true }) =>
    setParameters(
      (current) => {
        for (const [name, value] of Object.entries(changes)) {
          if (value) current.set(name, value);
          else current.delete(name);
        }
        if (!('page' in changes) && !('open' in changes) && !('operation' in changes)) current.delete('page');
        return current;
      },
      { replace: !options?.isStep, preventScrollReset: true },
    );
  const clear = () => set({ subscription: null, error: null, from: null, to: null });
  const linkTo = (id: string) => {
    const next = new URLSearchParams(parameters);
    next.set('open', id);
    return `?${next.toString()}`;
  };

  return (
    <Page
      title={words.title}
      subtitle={words.stateHint[filter.state]}
      actions={
        canChange && filter.state === 'dead' && deliveries.data && deliveries.data.total > 0 ? (
          <BulkActions
            productId={productId}
            filter={filter}
            total={deliveries.data.total}
            onStarted={(operation) => set({ operation: operation.id })}
          />
        ) : undefined
      }
    >
      <OperationPanel
        productId={productId}
        operationId={parameters.get('operation')}
        onClose={() => set({ operation: null })}
      />
      <Panel flush>
        <div className={rows.toolbar}>
          <SegmentedControl
            className={classes.states}
            aria-label={words.state}
            value={filter.state}
            onChange={(state) => set({ state: state === 'dead' ? null : state })}
            data={DELIVERY_STATES.map((value) => ({
              value,
              label: words.stateCount(value, countOf(value)),
            }))}
          />
        </div>
        <Filters productId={productId} filter={filter} onChange={set} />
        <Loaded query={deliveries}>
          {({ items, total, complete }) =>
            items.length === 0 ? (
              isFiltered(filter) ? (
                <NoMatch query={filter.error} onClear={clear} />
              ) : (
                <Empty icon={IconInbox} title={words.empty[filter.state]} hint={words.emptyHint[filter.state]} />
              )
            ) : (
              <>
                {!complete && <p className={classes.partial}>{words.atLeast(total)}</p>}
                <ul className={rows.rows}>
                  {items.map((delivery) => (
                    <Row key={delivery.id} delivery={delivery} to={linkTo(delivery.id)} />
                  ))}
                </ul>
                <Pager
                  page={page}
                  pageSize={PAGE_SIZE}
                  total={total}
                  onPage={(next) => set({ page: next === 1 ? null : String(next) }, { isStep: true })}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      <DeliveryDrawer
        productId={productId}
        deliveryId={parameters.get('open')}
        canChange={canChange}
        onClose={() => set({ open: null })}
      />
    </Page>
  );
}

function Filters({
  productId,
  filter,
  onChange,
}: {
  productId: number;
  filter: DeliveryFilter;
  onChange: (changes: Record<string, string | null>) => void;
}) {
  const config = useMqttConfig(productId);
  const subscriptions = config.data?.document.subscriptions ?? [];
  const isKnown = subscriptions.some(({ id }) => id === filter.subscription_id);
  return (
    <div className={rows.toolbar}>
      <SearchField label={words.error} name="error" resets={['page']} />
      <NativeSelect
        className={classes.subscription}
        aria-label={words.subscription}
        value={filter.subscription_id ?? ''}
        onChange={(event) => onChange({ subscription: event.currentTarget.value })}
        data={[
          { value: '', label: words.allSubscriptions },
          ...(filter.subscription_id !== null && config.data && !isKnown
            ? [{ value: String(filter.subscription_id), label: words.deletedSubscription(filter.subscription_id) }]
            : []),
          ...[...subscriptions]
            .sort((a, b) => a.name.localeCompare(b.name))
            .map(({ id, name }) => ({ value: String(id), label: name })),
        ]}
      />
      <MomentInput
        label={words.from}
        value={filter.from}
        onChange={(from) => onChange({ from })}
        agoHours={[1, 8, 24, 168]}
      />
      <MomentInput label={words.to} value={filter.to} onChange={(to) => onChange({ to })} />
      {isFiltered(filter) && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() => onChange({ subscription: null, error: null, from: null, to: null })}
        >
          {words.clearFilters}
        </Button>
      )}
    </div>
  );
}

function Row({ delivery, to }: { delivery: Delivery; to: string }) {
  return (
    <li className={`${rows.row} ${classes.row}`}>
      <span className={classes.tone}>
        <ToneIcon tone={TONES[delivery.state]} />
      </span>
      <div className={rows.main}>
        <Link to={to} className={classes.link} aria-label={words.open(delivery.topic)} preventScrollReset>
          <code className={classes.topic}>{delivery.topic}</code>
        </Link>
        <span className={classes.error}>{delivery.error ?? words.noError}</span>
        <span className={rows.note}>
          {delivery.subscription_name ?? words.deletedSubscription(delivery.subscription_id)}
          {' · '}
          {words.attempts(delivery.attempts_made)}
          {' · '}
          {words.bytes(delivery.payload_bytes)}
        </span>
      </div>
      <span className={classes.when}>
        <When delivery={delivery} />
      </span>
      <IconChevronRight size={16} aria-hidden className={rows.lead} />
    </li>
  );
}

function When({ delivery }: { delivery: Delivery }) {
  switch (delivery.state) {
    case 'dead':
      return <Time at={delivery.died_at} />;
    case 'retrying':
      return (
        <>
          {delivery.deferral ? (
            words.waiting
          ) : (
            <>
              {words.nextTry} <Time at={delivery.next_try_at} />
            </>
          )}
        </>
      );
    case 'in_flight':
      return (
        <>
          {words.queued} <Time at={delivery.queued_at} />
        </>
      );
  }
}
