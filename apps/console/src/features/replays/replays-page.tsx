import { Alert, Button, Drawer, Group, NativeSelect, NumberInput, Progress, Stack, TextInput } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { get, patch, post } from '../../api/client';
import type { Replay } from '../../api/types';
import { Facts, Page, Panel } from '../../components/layout';
import { notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import type { Tone } from '../../components/state-language';
import { Empty, Failure, Loaded, LoadingRows } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import type { Outcome } from '../messages/message-filter';
import { useProductId } from '../products/product-id';
import { TimeOffer } from './replay-offer';

const words = texts.messages.replays;
/** More has to be confirmed by typing the number. */
const UNCONFIRMED = 10_000;
const TONES: { [S in Replay['state']]: Tone } = {
  planned: 'off',
  running: 'busy',
  paused: 'warn',
  cancelled: 'off',
  done: 'ok',
  failed: 'bad',
};

const replayKey = (productId: number) => ['products', productId, 'replays'] as const;

/** A time in the address, as the API takes it; null when it is none. */
function instantIn(parameters: URLSearchParams, name: string): string | null {
  const at = Date.parse(parameters.get(name) ?? '');
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

/** Recorded messages that are, were or may be run again. */
export function ReplaysPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const [parameters, setParameters] = useSearchParams();
  const replays = useQuery({
    queryKey: replayKey(productId),
    queryFn: ({ signal }) => get<{ items: Replay[] }>(`/products/${productId}/replays`, { signal }),
    refetchInterval: 2_000,
  });
  const [from, to] = [instantIn(parameters, 'from'), instantIn(parameters, 'to')];
  const open = (id: string | null) => setParameters(id === null ? {} : { open: id }, { preventScrollReset: true });
  return (
    <Page
      title={words.title}
      subtitle={words.subtitle}
      actions={
        <Button component={Link} variant="default" to={`/products/${productId}/messages`}>
          {words.back}
        </Button>
      }
    >
      {canChange && from !== null && to !== null && <TimeOffer productId={productId} from={from} to={to} />}
      <Panel flush>
        <Loaded query={replays}>
          {({ items: all }) =>
            all.length === 0 ? (
              <Empty icon={IconPlayerPlay} title={words.empty} hint={words.emptyHint} />
            ) : (
              <ul className={rows.rows}>
                {all.map((replay) => (
                  <li key={replay.id} className={rows.row}>
                    <div className={rows.main}>
                      <Link to={`?open=${replay.id}`} preventScrollReset>
                        {words.messages(replay.plan.messages, replay.plan.exact)}
                        {replay.selection.topic ? ` · ${replay.selection.topic}` : ''}
                      </Link>
                      <span className={rows.note}>
                        {words.by(replay.requested_by)} · <Time at={replay.created_at} />
                      </span>
                    </div>
                    <ToneBadge tone={TONES[replay.state]}>{words.states[replay.state]}</ToneBadge>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      <ReplayDrawer productId={productId} replayId={parameters.get('open')} canChange={canChange} onOpen={open} />
    </Page>
  );
}

function ReplayDrawer({
  productId,
  replayId,
  canChange,
  onOpen,
}: {
  productId: number;
  replayId: string | null;
  canChange: boolean;
  onOpen: (id: string | null) => void;
}) {
  const replay = useQuery({
    queryKey: [...replayKey(productId), replayId],
    queryFn: ({ signal }) => get<Replay>(`/products/${productId}/replays/${replayId}`, { signal }),
    enabled: replayId !== null,
    refetchInterval: (query) => (query.state.data?.state === 'running' ? 500 : 5_000),
  });
  return (
    <Drawer
      opened={replayId !== null}
      onClose={() => onOpen(null)}
      position="right"
      size="min(46rem, 100vw)"
      title={words.plan}
      closeButtonProps={{ 'aria-label': texts.common.close }}
    >
      {replay.data ? (
        <Stack>
          <Plan productId={productId} replay={replay.data} canChange={canChange} onOpen={onOpen} />
          <Numbers productId={productId} replay={replay.data} />
        </Stack>
      ) : replay.isError ? (
        <Failure error={replay.error} onRetry={() => void replay.refetch()} />
      ) : (
        <LoadingRows rows={6} />
      )}
    </Drawer>
  );
}

function Plan({
  productId,
  replay,
  canChange,
  onOpen,
}: {
  productId: number;
  replay: Replay;
  canChange: boolean;
  onOpen: (id: string) => void;
}) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const [rate, setRate] = useState<number | string>(replay.rate_per_s);
  const [pace, setPace] = useState<number | string>(replay.pace ?? '');
  const { plan, state } = replay;
  const base = `/products/${productId}/replays/${replay.id}` as const;
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
      await queries.invalidateQueries({ queryKey: replayKey(productId) });
    } catch (error) {
      notifyFailure(words.title, error);
    }
  };
  const replan = (change: { only?: Replay['only']; ids?: Replay['ids']; pace?: number }) =>
    attempt(async () => {
      const { selection, only, ids, rate_per_s, pace, target } = replay;
      const next = await post<Replay>(`/products/${productId}/replays`, {
        selection,
        only,
        ids,
        rate_per_s,
        target,
        ...(pace === null ? {} : { pace }),
        ...change,
      });
      onOpen(next.id);
    });
  const mustType = plan.messages > UNCONFIRMED;
  const isPlanned = state === 'planned';
  return (
    <Stack gap="sm">
      <Group>
        <ToneBadge tone={TONES[state]}>{words.states[state]}</ToneBadge>
        <strong>{words.messages(plan.messages, plan.exact)}</strong>
        <span>
          {words.deliveries(plan.deliveries)} · {words.seconds(plan.seconds)}
        </span>
      </Group>
      {plan.messages === 0 && <Alert color="blue">{words.nothing}</Alert>}
      {plan.gaps > 0 && <Alert color="amber">{words.gaps(plan.gaps)}</Alert>}
      {canChange && isPlanned && (
        <Group align="end">
          <NativeSelect
            label={words.onlyLabel}
            value={replay.only}
            onChange={(event) => void replan({ only: event.currentTarget.value as Replay['only'] })}
            data={(['not_delivered', 'failed', 'all'] as const).map((value) => ({ value, label: words.only[value] }))}
          />
          <NativeSelect
            label={words.idsLabel}
            value={replay.ids}
            onChange={(event) => void replan({ ids: event.currentTarget.value as Replay['ids'] })}
            data={(['original', 'new'] as const).map((value) => ({ value, label: words.ids[value] }))}
          />
          <NumberInput
            label={words.pace}
            description={words.paceHint}
            min={0.01}
            max={10_000}
            value={pace}
            onChange={setPace}
            onBlur={() => Number(pace) > 0 && Number(pace) !== replay.pace && void replan({ pace: Number(pace) })}
          />
        </Group>
      )}
      {canChange && (isPlanned || state === 'running' || state === 'paused') && (
        <Group align="end">
          <NumberInput
            label={words.rate}
            min={0.1}
            max={10_000}
            value={rate}
            onChange={setRate}
            onBlur={() =>
              Number(rate) !== replay.rate_per_s && void attempt(() => patch(base, { rate_per_s: Number(rate) }))
            }
          />
          {isPlanned && mustType && (
            <TextInput
              label={words.confirm(plan.messages)}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          )}
          {isPlanned && (
            <Button
              disabled={plan.messages === 0 || (mustType && typed !== String(plan.messages))}
              onClick={() =>
                void attempt(() => post(`${base}/start`, mustType ? { confirm_messages: plan.messages } : {}))
              }
            >
              {words.start}
            </Button>
          )}
          {state === 'running' && (
            <Button variant="default" onClick={() => void attempt(() => post(`${base}/pause`))}>
              {words.pause}
            </Button>
          )}
          {state === 'paused' && (
            <Button onClick={() => void attempt(() => post(`${base}/resume`))}>{words.resume}</Button>
          )}
          <Button variant="subtle" color="red" onClick={() => void attempt(() => post(`${base}/cancel`))}>
            {words.cancel}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Numbers({ productId, replay }: { productId: number; replay: Replay }) {
  const { plan, progress, state } = replay;
  const all = progress.done + progress.remaining;
  return (
    <>
      {state !== 'planned' && (
        <section>
          <h3>{words.progress}</h3>
          <Progress value={all === 0 ? 100 : (progress.done / all) * 100} aria-label={words.progress} />
          <Facts
            items={[
              [words.succeeded, progress.succeeded.toLocaleString('en')],
              [words.failed, progress.failed.toLocaleString('en')],
              [words.filtered, progress.filtered.toLocaleString('en')],
              [words.remaining, progress.remaining.toLocaleString('en')],
            ]}
          />
        </section>
      )}
      <Facts items={plan.by_subscription.map(({ name, messages }) => [name, words.deliveries(messages)])} />
      <Facts
        items={Object.entries(plan.by_outcome).map(([outcome, messages]) => [
          `${words.byOutcome}: ${texts.messages.outcomes[outcome as Outcome]}`,
          words.messages(Number(messages), plan.exact),
        ])}
      />
      {replay.failures.length > 0 && (
        <section>
          <h3>{words.failures}</h3>
          <ul>
            {replay.failures.map(({ message_id, subscription_id, error }) => (
              <li key={`${message_id}${subscription_id}`}>
                <Link to={`/products/${productId}/messages?open=${message_id}`}>{error ?? message_id}</Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      {plan.previews.length > 0 && (
        <section>
          <h3>{words.previews}</h3>
          <ul>
            {plan.previews.map(({ message_id, topic, preview, dry_runs }) => (
              <li key={message_id}>
                <Link to={`/products/${productId}/messages?open=${message_id}`}>
                  <code>{topic}</code>
                </Link>{' '}
                {preview}
                {dry_runs.map((run) => (
                  <div key={run.subscription_id} className={rows.note}>
                    {run.error !== null
                      ? words.wouldFail(run.error)
                      : run.filtered
                        ? words.wouldFilter
                        : words.wouldRun(run.requests.length)}
                  </div>
                ))}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
