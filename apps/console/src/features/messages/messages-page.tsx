import { Alert, Button, NativeSelect, SegmentedControl } from '@mantine/core';
import { IconInbox, IconPlayerPlay } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { post, request } from '../../api/client';
import { keys } from '../../api/keys';
import type { Message, Replay } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import { MomentInput } from '../../components/moment-input';
import { notifyDone, notifyFailure } from '../../components/notify';
import { exactTime } from '../../components/relative-time';
import rows from '../../components/rows.module.css';
import { SearchField } from '../../components/search-field';
import { Empty, Failure, LoadingRows, NoMatch } from '../../components/states';
import { Time } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProductId } from '../products/product-id';
import { MessageDrawer } from './message-drawer';
import { filterIn, isFiltered, type MessageFilter, OUTCOMES, selectionOf } from './message-filter';
import classes from './messages-page.module.css';
import { messageKeys, useArchiveUsage, useLiveMessages, useMessages } from './messages-query';
import { OutcomeBadge } from './outcome-badge';
import { TopicTree } from './topic-tree';

const words = texts.messages;

/** Every recorded message with what became of it, live and back in time. */
export function MessagesPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const [parameters, setParameters] = useSearchParams();
  const filter = filterIn(parameters);
  const isLive = parameters.get('view') === 'live';
  const usage = useArchiveUsage(productId);

  const set = (changes: Record<string, string | null>) =>
    setParameters(
      (current) => {
        for (const [name, value] of Object.entries(changes)) {
          if (value) current.set(name, value);
          else current.delete(name);
        }
        return current;
      },
      { replace: true, preventScrollReset: true },
    );
  const clear = () => set({ topic: null, text: null, outcome: null, subscription: null, from: null, to: null });
  const linkTo = (id: string) => {
    const next = new URLSearchParams(parameters);
    next.set('open', id);
    return `?${next.toString()}`;
  };

  return (
    <Page
      title={words.title}
      subtitle={words.subtitle}
      actions={
        <>
          <Button component={Link} variant="default" to={`/products/${productId}/replays`}>
            {words.replays.title}
          </Button>
          {canChange && <ReplayFound productId={productId} filter={filter} />}
        </>
      }
    >
      {usage.data?.enabled === false && <Invitation productId={productId} canChange={canChange} />}
      <div className={classes.layout}>
        <TopicTree productId={productId} onChoose={(topic) => set({ topic })} />
        <Panel flush>
          <div className={rows.toolbar}>
            <SegmentedControl
              aria-label={words.title}
              value={isLive ? 'live' : 'history'}
              onChange={(view) => set({ view: view === 'live' ? 'live' : null })}
              data={[
                { value: 'history', label: words.history },
                { value: 'live', label: words.live },
              ]}
            />
            <SearchField label={words.topic} name="topic" />
            <SearchField label={words.text} name="text" />
            <NativeSelect
              aria-label={words.outcome}
              value={filter.outcome ?? ''}
              onChange={(event) => set({ outcome: event.currentTarget.value })}
              data={[
                { value: '', label: words.anyOutcome },
                ...OUTCOMES.map((value) => ({ value, label: words.outcomes[value] })),
              ]}
            />
            {!isLive && (
              <>
                <MomentInput
                  label={words.from}
                  value={filter.from}
                  onChange={(from) => set({ from })}
                  agoHours={[1, 8, 24]}
                />
                <MomentInput label={words.to} value={filter.to} onChange={(to) => set({ to })} />
              </>
            )}
            {isFiltered(filter) && (
              <Button variant="subtle" color="gray" onClick={clear}>
                {words.clearFilters}
              </Button>
            )}
          </div>
          {isLive ? (
            <Live productId={productId} filter={filter} linkTo={linkTo} />
          ) : (
            <History productId={productId} filter={filter} linkTo={linkTo} onClear={clear} />
          )}
        </Panel>
      </div>
      <MessageDrawer
        productId={productId}
        messageId={parameters.get('open')}
        canChange={canChange}
        onClose={() => set({ open: null })}
      />
    </Page>
  );
}

interface ListProps {
  productId: number;
  filter: MessageFilter;
  linkTo: (id: string) => string;
}

function Live({ productId, filter, linkTo }: ListProps) {
  const { items, left_out, isCut } = useLiveMessages(productId, filter, true);
  return (
    <>
      {isCut && <p className={classes.foot}>{words.cut}</p>}
      {left_out > 0 && <p className={classes.foot}>{words.leftOut(left_out)}</p>}
      {items.length === 0 ? <p className={classes.foot}>{words.waiting}</p> : <Rows items={items} linkTo={linkTo} />}
    </>
  );
}

function History({ productId, filter, linkTo, onClear }: ListProps & { onClear: () => void }) {
  const messages = useMessages(productId, filter, true);
  if (messages.isPending) return <LoadingRows rows={8} />;
  if (messages.isError) return <Failure error={messages.error} onRetry={() => void messages.refetch()} />;
  const { pages } = messages.data;
  const items = pages.flatMap((page) => page.items);
  const last = pages.at(-1);
  return (
    <>
      {(pages[0]?.gaps ?? []).map((gap) => (
        <Alert key={gap.from} color="amber" m="md">
          {words.gap(gap.messages, exactTime(gap.from), exactTime(gap.to))}{' '}
          <Link to={`/products/${productId}/replays?from=${gap.from}&to=${gap.to}`}>{words.replayGap}</Link>
        </Alert>
      ))}
      {items.length > 0 ? (
        <Rows items={items} linkTo={linkTo} />
      ) : last?.next_cursor ? null : isFiltered(filter) ? (
        <NoMatch query={filter.text || filter.topic} onClear={onClear} />
      ) : (
        <Empty icon={IconInbox} title={words.empty} hint={words.emptyHint} />
      )}
      <div className={classes.foot}>
        {messages.hasNextPage ? (
          <>
            <Button
              variant="default"
              loading={messages.isFetchingNextPage}
              onClick={() => void messages.fetchNextPage()}
            >
              {words.older}
            </Button>
            {last?.scanned_until && <span>{words.lookedUntil(exactTime(last.scanned_until))}</span>}
          </>
        ) : (
          items.length > 0 && <span>{words.end}</span>
        )}
      </div>
    </>
  );
}

function Rows({ items, linkTo }: { items: Message[]; linkTo: (id: string) => string }) {
  return (
    <ul className={rows.rows}>
      {items.map((message) => (
        <li key={message.id} className={`${rows.row} ${classes.row}`}>
          <span className={classes.when}>
            <Time at={message.received_at} />
          </span>
          <div className={rows.main}>
            <Link
              to={linkTo(message.id)}
              className={classes.link}
              aria-label={words.open(message.topic)}
              preventScrollReset
            >
              <code className={classes.topic}>{message.topic}</code>
            </Link>
            <span className={classes.preview}>{message.preview ?? words.noPreview}</span>
          </div>
          <OutcomeBadge outcome={message.outcome} />
        </li>
      ))}
    </ul>
  );
}

/** For products of before messages were recorded. */
function Invitation({ productId, canChange }: { productId: number; canChange: boolean }) {
  const queries = useQueryClient();
  const turnOn = async () => {
    try {
      await request('PUT', `/products/${productId}/mqtt-config`, { body: { archive: { enabled: true } } });
      notifyDone(words.turnedOn);
      await queries.invalidateQueries({ queryKey: messageKeys.all(productId) });
      await queries.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
    } catch (error) {
      notifyFailure(words.turnOn, error);
    }
  };
  return (
    <Alert color="blue" title={words.off}>
      <p>{words.offHint}</p>
      {canChange && (
        <Button size="compact-md" onClick={() => void turnOn()}>
          {words.turnOn}
        </Button>
      )}
    </Alert>
  );
}

/** Plans a replay of what the filters say. */
function ReplayFound({ productId, filter }: { productId: number; filter: MessageFilter }) {
  const navigate = useNavigate();
  const plan = async () => {
    try {
      const replay = await post<Replay>(`/products/${productId}/replays`, { selection: selectionOf(filter) });
      await navigate(`/products/${productId}/replays?open=${replay.id}`);
    } catch (error) {
      notifyFailure(words.replayFound, error);
    }
  };
  return (
    <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => void plan()}>
      {words.replayFound}
    </Button>
  );
}
