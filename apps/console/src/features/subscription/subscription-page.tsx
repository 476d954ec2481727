import {
  ActionIcon,
  Alert,
  Anchor,
  Button,
  Menu,
  NativeSelect,
  SegmentedControl,
  Skeleton,
  Switch,
  TextInput,
  Textarea,
} from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { IconArrowLeft, IconBroadcast, IconDots, IconEye, IconFilter, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { post, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError } from '../../api/problem';
import type { DeliveryDetail, DryRunResult, PayloadFormat, QoS } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Fold } from '../../components/fold';
import { IntegerInput } from '../../components/integer-input';
import { Fields, Wide } from '../../components/layout';
import { notifyDone } from '../../components/notify';
import { SaveBar } from '../../components/save-bar';
import { Failure, Loaded, LoadingRows } from '../../components/states';
import { UnsavedGuard } from '../../components/unsaved-guard';
import { NotFoundPage } from '../../shell/route-states';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { type TaggedConfig, useMqttConfig } from '../mqtt-config/mqtt-config-query';
import { ConflictDialog } from '../mqtt-config/save-dialogs';
import { TopicPieces } from '../mqtt-config/topic-config-form';
import { previewTopic } from '../mqtt-config/topic-preview';
import { useDelivery } from '../deliveries/deliveries-query';
import { useProductId } from '../products/product-id';
import { useProduct } from '../products/products-query';
import { DryRunPanel } from './dry-run-panel';
import { EvaluatorProvider, useNewEvaluator } from './expression/evaluator-context';
import { ExpressionField } from './expression/expression-field';
import { Pipeline } from './pipeline';
import { envelopeOf, messageOf, newSample, resolvedFilter, type Sample, sampleOf } from './sample-message';
import { SamplePanel } from './sample-panel';
import { bodyOfDraft, parseDraft, type SubscriptionDraft } from './subscription-draft';
import classes from './subscription-page.module.css';
import { type TaggedSubscription, useActionTypes, useSecretNames, useSubscription } from './subscription-query';
import { names, type SubscriptionDraftState, useSubscriptionDraft } from './use-subscription-draft';

const JsonEditor = lazy(() => import('./expression/json-editor'));
const words = texts.subscription;

export function SubscriptionPage() {
  const productId = useProductId();
  const id = Number(useParams().subscriptionId);
  const subscription = useSubscription(productId, id);
  const config = useMqttConfig(productId);
  // A link may bring along a delivery to debug with: its message is the sample.
  const deliveryId = useSearchParams()[0].get('delivery');
  const delivery = useDelivery(productId, deliveryId);
  const isWaiting = deliveryId !== null && delivery.isPending;
  if (!Number.isInteger(id) || (subscription.error instanceof ApiError && subscription.error.status === 404)) {
    return <NotFoundPage />;
  }
  if (subscription.isError && !subscription.data) {
    return <Failure error={subscription.error} onRetry={() => void subscription.refetch()} />;
  }
  if (!subscription.data || isWaiting) return <LoadingRows rows={6} />;
  const tagged = subscription.data;
  return (
    <Loaded query={config}>
      {(loaded) => (
        <Editor
          key={`${id} ${deliveryId}`}
          productId={productId}
          loaded={tagged}
          config={loaded}
          delivery={delivery.data}
        />
      )}
    </Loaded>
  );
}

export function NewSubscriptionPage() {
  const productId = useProductId();
  const config = useMqttConfig(productId);
  return <Loaded query={config}>{(loaded) => <Editor productId={productId} loaded={null} config={loaded} />}</Loaded>;
}

interface EditorProps {
  productId: number;
  loaded: TaggedSubscription | null;
  config: TaggedConfig;
  /** The one that is debugged here. */
  delivery?: DeliveryDetail;
}

function Editor({ productId, loaded, config, delivery }: EditorProps) {
  const user = useUser();
  const readOnly = !mayChange(user, productId);
  const navigate = useNavigate();
  const product = useProduct(productId);
  const types = useActionTypes();
  const secrets = useSecretNames(productId);
  const state = useSubscriptionDraft(productId, loaded);
  const { draft } = state;
  const [view, setView] = useState<'pipeline' | 'json'>('pipeline');
  const [choosing, choose] = useDisclosure(false);
  const { topics } = config.document.mqtt_config;

  const surroundings = { topics, variables: product.data?.variables ?? {}, slug: product.data?.slug ?? '' };
  const filter = useMemo(
    () =>
      resolvedFilter({
        prefix: topics.prefix,
        pattern: topics.pattern,
        topic: draft.topic,
        absolute: draft.absolute_topic,
        variables: product.data?.variables ?? {},
      }),
    [topics.prefix, topics.pattern, draft.topic, draft.absolute_topic, product.data?.variables],
  );
  const [pinned, setPinned] = useState<Sample | null>(() =>
    delivery ? sampleOf(delivery, draft.payload_format) : null,
  );
  const [untouched] = useState(() => new Date());
  const sample = pinned ?? newSample(filter, untouched);
  const envelope = envelopeOf(sample, {
    productId,
    subscriptionId: loaded?.subscription.id ?? 0,
    format: draft.payload_format,
    filter,
  });
  const dryRun = useDryRun(productId, loaded, state, sample);
  useHotkeys([['mod+Enter', () => dryRun.blocked === null && dryRun.run()]], []);

  const evaluator = useNewEvaluator();
  const finishing = useRef(false);
  const save = async () => {
    const result = await state.save();
    if (result.kind === 'saved' && !loaded) {
      finishing.current = true;
      await navigate(`/products/${productId}/subscriptions/${result.saved.subscription.id}`, { replace: true });
    }
    if (result.kind === 'conflict') choose.open();
  };

  return (
    <EvaluatorProvider value={evaluator}>
      <Head state={state} loaded={loaded} productId={productId} readOnly={readOnly} view={view} onView={setView} />
      {readOnly && (
        <Alert icon={<IconEye size={18} />} color="gray">
          {texts.common.readOnly}
        </Alert>
      )}
      <div className={classes.columns}>
        <div className={classes.main}>
          {view === 'json' ? (
            <JsonView key={state.generation} state={state} readOnly={readOnly} />
          ) : (
            <>
              <Stage icon={<IconBroadcast size={18} stroke={1.7} />} title={words.trigger}>
                <Trigger state={state} readOnly={readOnly} preview={previewTopic({ id: 0, ...draft }, surroundings)} />
              </Stage>
              <Stage icon={<IconFilter size={18} stroke={1.7} />} title={words.filter}>
                <Condition state={state} readOnly={readOnly} sample={envelope} />
              </Stage>
              <Stage title={words.actions} isLast>
                <Loaded query={types}>
                  {(known) => (
                    <Pipeline
                      actions={draft.actions}
                      onChange={(actions) => state.set({ actions })}
                      types={known}
                      faults={state.faults}
                      context={{ sample: envelope, secrets: secrets.data ?? [], productId, readOnly }}
                      outcomes={dryRun.outcomes}
                    />
                  )}
                </Loaded>
              </Stage>
            </>
          )}
        </div>
        <div className={classes.side}>
          <SamplePanel
            sample={sample}
            onChange={setPinned}
            envelope={envelope}
            format={draft.payload_format}
            productId={productId}
            subscriptionId={loaded?.subscription.id ?? null}
            topicFilter={filter?.topic_filter ?? null}
            delivery={delivery ?? null}
            canRetry={!readOnly && state.changes.length === 0}
          />
          <DryRunPanel
            result={dryRun.result}
            error={dryRun.error}
            running={dryRun.running}
            stale={dryRun.stale}
            blocked={dryRun.blocked}
            onRun={dryRun.run}
          />
        </div>
      </div>
      <SaveBar
        changes={state.changes.length}
        summary={names(state.changes)}
        saving={state.saving}
        saveLabel={texts.common.save}
        onDiscard={state.discard}
        onSave={() => (state.conflicts.length > 0 ? choose.open() : void save())}
      />
      <ConflictDialog
        opened={choosing}
        conflicts={state.conflicts}
        labelOf={(field) => words.fields[field] ?? field}
        onClose={choose.close}
        onResolve={(choices) => {
          state.resolve(choices);
          choose.close();
        }}
      />
      <UnsavedGuard isDirty={state.changes.length > 0 && !finishing.current} />
    </EvaluatorProvider>
  );
}

function Head({
  state,
  loaded,
  productId,
  readOnly,
  view,
  onView,
}: {
  state: SubscriptionDraftState;
  loaded: TaggedSubscription | null;
  productId: number;
  readOnly: boolean;
  view: 'pipeline' | 'json';
  onView: (view: 'pipeline' | 'json') => void;
}) {
  const { draft } = state;
  const [deleting, confirm] = useDisclosure(false);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const list = `/products/${productId}/mqtt-config`;
  const destroy = async () => {
    if (!loaded) return;
    await remove(`/products/${productId}/mqtt-config/subscriptions/${loaded.subscription.id}`);
    state.discard();
    void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
    notifyDone(words.deleted(loaded.subscription.name));
    await navigate(list);
  };
  return (
    <header className={classes.head}>
      <title>{`${draft.name || words.newTitle} · cortex-mqtt`}</title>
      <Anchor component={Link} to={`${list}#subscriptions`} className={classes.back}>
        <IconArrowLeft size={15} aria-hidden />
        {words.back}
      </Anchor>
      <div className={classes.headRow}>
        <h1 className={classes.heading}>{draft.name || words.newTitle}</h1>
        <Switch
          label={words.fields.enabled}
          checked={draft.enabled}
          disabled={readOnly}
          onChange={(event) => state.set({ enabled: event.currentTarget.checked })}
        />
        <SegmentedControl
          size="xs"
          aria-label={words.view}
          value={view}
          onChange={(value) => onView(value as 'pipeline' | 'json')}
          data={[
            { value: 'pipeline', label: words.pipeline },
            { value: 'json', label: words.json },
          ]}
        />
        {loaded && !readOnly && (
          <Menu>
            <Menu.Target>
              <ActionIcon variant="default" size="md" aria-label={texts.common.more}>
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={confirm.open}>
                {words.delete}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </div>
      <Confirm
        opened={deleting}
        onClose={confirm.close}
        title={words.delete}
        confirmLabel={words.delete}
        onConfirm={destroy}
      >
        {words.deleteBody(loaded?.subscription.name ?? '')}
      </Confirm>
    </header>
  );
}

/** One station of the pipeline, joined to the next by a line. */
function Stage({
  icon,
  title,
  children,
  isLast,
}: {
  icon?: React.ReactNode;
  title: string;
  children: React.ReactNode;
  isLast?: boolean;
}) {
  return (
    <section className={`${classes.stage} ${isLast ? classes.last : ''}`}>
      <h2 className={classes.stageTitle}>
        <span className={classes.dot} aria-hidden>
          {icon}
        </span>
        {title}
      </h2>
      <div className={isLast ? classes.stageOpen : classes.stageBody}>{children}</div>
    </section>
  );
}

interface PartProps {
  state: SubscriptionDraftState;
  readOnly: boolean;
}

function Trigger({ state, readOnly, preview }: PartProps & { preview: ReturnType<typeof previewTopic> }) {
  const { draft, faults, set } = state;
  const orderingKind = draft.ordering === 'none' || draft.ordering === 'topic' ? draft.ordering : 'key';
  return (
    <div className={classes.stack}>
      <Fields>
        <TextInput
          label={words.fields.name}
          value={draft.name}
          error={faults.name}
          disabled={readOnly}
          required
          withAsterisk={false}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <TextInput
          label={words.fields.topic}
          value={draft.topic}
          error={faults.topic ?? (draft.topic === '' ? undefined : preview.faults[0])}
          disabled={readOnly}
          required
          withAsterisk={false}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onChange={(event) => set({ topic: event.currentTarget.value })}
        />
      </Fields>
      <div className={classes.preview}>
        {preview.pieces.length > 0 && draft.topic !== '' && <TopicPieces pieces={preview.pieces} />}
        <span className={classes.note}>{words.help.topic}</span>
      </div>
      <Fold
        title={words.more}
        hint={words.moreHint}
        opened={['description', 'qos', 'payload_format', 'message_key', 'concurrency', 'ordering'].some(
          (name) => faults[name],
        )}
      >
        <Fields>
          <Wide>
            <Switch
              label={words.fields.absolute_topic}
              checked={draft.absolute_topic}
              disabled={readOnly}
              onChange={(event) => set({ absolute_topic: event.currentTarget.checked })}
            />
          </Wide>
          <Wide>
            <Textarea
              label={words.fields.description}
              value={draft.description}
              error={faults.description}
              disabled={readOnly}
              autosize
              minRows={1}
              onChange={(event) => set({ description: event.currentTarget.value })}
            />
          </Wide>
          <NativeSelect
            label={words.fields.payload_format}
            value={draft.payload_format}
            disabled={readOnly}
            onChange={(event) => set({ payload_format: event.currentTarget.value as PayloadFormat })}
            data={Object.entries(words.formats).map(([value, label]) => ({ value, label }))}
          />
          <NativeSelect
            label={words.fields.qos}
            value={draft.qos === null ? '' : String(draft.qos)}
            disabled={readOnly}
            onChange={(event) =>
              set({ qos: event.currentTarget.value === '' ? null : (Number(event.currentTarget.value) as QoS) })
            }
            data={[{ value: '', label: words.help.qos }, '0', '1', '2']}
          />
          <NativeSelect
            label={words.fields.ordering}
            description={words.help.ordering}
            value={orderingKind}
            disabled={readOnly}
            onChange={(event) => {
              const kind = event.currentTarget.value;
              set({ ordering: kind === 'key' ? 'payload.id' : kind });
            }}
            data={Object.entries(words.orderings).map(([value, label]) => ({ value, label }))}
          />
          {orderingKind === 'key' ? (
            <TextInput
              label={words.help.orderingKey}
              value={draft.ordering}
              error={faults.ordering}
              disabled={readOnly}
              classNames={{ input: 'mono' }}
              onChange={(event) => set({ ordering: event.currentTarget.value })}
            />
          ) : (
            <IntegerInput
              label={words.fields.concurrency}
              description={words.help.concurrency}
              value={draft.concurrency}
              error={faults.concurrency}
              disabled={readOnly}
              min={1}
              onChange={(concurrency) => set({ concurrency })}
            />
          )}
          <Wide>
            <TextInput
              label={words.fields.message_key}
              description={words.help.messageKey}
              value={draft.message_key ?? ''}
              error={faults.message_key}
              disabled={readOnly}
              classNames={{ input: 'mono' }}
              onChange={(event) => set({ message_key: event.currentTarget.value || null })}
            />
          </Wide>
        </Fields>
      </Fold>
    </div>
  );
}

function Condition({ state, readOnly, sample }: PartProps & { sample: ReturnType<typeof envelopeOf> }) {
  const { draft, faults, set } = state;
  if (draft.filter === null) {
    return (
      <div className={classes.condition}>
        <span className={classes.note}>{words.filterNone}</span>
        {!readOnly && (
          <Button size="compact-sm" variant="subtle" onClick={() => set({ filter: '' })}>
            {words.addFilter}
          </Button>
        )}
      </div>
    );
  }
  return (
    <div className={classes.stack}>
      <ExpressionField
        label={words.fields.filter ?? ''}
        description={words.filterHint}
        value={draft.filter}
        onChange={(filter) => set({ filter })}
        sample={sample}
        error={faults.filter}
        readOnly={readOnly}
        placeholder="payload.celsius > 80"
      />
      {!readOnly && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className={classes.removeFilter}
          onClick={() => set({ filter: null })}
        >
          {words.removeFilter}
        </Button>
      )}
    </div>
  );
}

function JsonView({ state, readOnly }: PartProps) {
  const [text, setText] = useState(() => jsonOf(state.draft));
  const parsed = parseDraft(text);
  const isBehind = parsed.ok && jsonOf(parsed.draft) !== jsonOf(state.draft);
  useEffect(() => {
    // Somebody else changed it. A text that can't be read is being typed: it stays.
    if (isBehind) setText(jsonOf(state.draft));
  }, [isBehind, state.draft]);
  return (
    <section className={classes.stageBody}>
      <p className={classes.note}>{words.jsonHint}</p>
      <Suspense fallback={<Skeleton height={320} />}>
        <JsonEditor
          label={words.json}
          value={text}
          readOnly={readOnly}
          invalid={!parsed.ok}
          minLines={16}
          onChange={(next) => {
            setText(next);
            const result = parseDraft(next);
            if (result.ok) state.set(result.draft);
          }}
        />
      </Suspense>
      {!parsed.ok && (
        <div className={classes.fault} role="alert">
          {words.jsonFault}: {parsed.message}
        </div>
      )}
      {Object.entries(state.faults).map(([field, message]) => (
        <div key={field} className={classes.fault}>
          <code>{field}</code> {message}
        </div>
      ))}
    </section>
  );
}

const jsonOf = (draft: SubscriptionDraft): string => JSON.stringify(bodyOfDraft(draft), null, 2);

/** Runs the draft, saved or not, on the sample. */
function useDryRun(
  productId: number,
  loaded: TaggedSubscription | null,
  state: SubscriptionDraftState,
  sample: Sample,
) {
  const [result, setResult] = useState<DryRunResult | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [running, setRunning] = useState(false);
  const [ranOn, setRanOn] = useState('');
  const { draft } = state;
  const now = JSON.stringify([draft, sample]);
  useEffect(() => {
    if (result === null) setRanOn('');
  }, [result]);
  const run = async () => {
    setRunning(true);
    setError(null);
    try {
      const path = `/products/${productId}/mqtt-config/subscriptions` as const;
      setResult(
        await post<DryRunResult>(loaded ? `${path}/${loaded.subscription.id}/dry-run` : `${path}/dry-run`, {
          message: messageOf(sample, draft.payload_format),
          draft: bodyOfDraft(draft),
        }),
      );
      setRanOn(now);
    } catch (failure) {
      setResult(null);
      setError(failure);
    } finally {
      setRunning(false);
    }
  };
  const stale = result !== null && ranOn !== now;
  const isComplete = draft.name !== '' && draft.topic !== '';
  return {
    result,
    error,
    running,
    stale,
    blocked: isComplete ? null : words.dryRun.saveFirst,
    outcomes: new Map(stale ? [] : (result?.actions ?? []).map((action) => [action.action_id, action])),
    run: () => void run(),
  };
}
