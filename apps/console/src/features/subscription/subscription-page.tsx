import { Alert } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { IconBroadcast, IconEye, IconFilter } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import { useLocation, useNavigate, useParams, useSearchParams } from 'react-router';
import { ApiError } from '../../api/problem';
import type { DeliveryDetail, MessageDetail } from '../../api/types';
import { SaveBar } from '../../components/save-bar';
import { Failure, Loaded, LoadingRows } from '../../components/states';
import { UnsavedGuard } from '../../components/unsaved-guard';
import { NotFoundPage } from '../../shell/route-states';
import { mayChange, readOnlyReason, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useDelivery } from '../deliveries/deliveries-query';
import { type TaggedConfig, useMqttConfig } from '../mqtt-config/mqtt-config-query';
import { ConflictDialog } from '../mqtt-config/save-dialogs';
import { MissingVariables } from '../mqtt-config/missing-variables';
import { missingVariables, previewTopic } from '../mqtt-config/topic-preview';
import { useMessage } from '../messages/messages-query';
import { BackfillOffer } from '../replays/replay-offer';
import { useProductId } from '../products/product-id';
import { useProduct } from '../products/products-query';
import { useSecretNames } from '../secrets/secrets-query';
import { ConditionField } from './condition-field';
import { DryRunPanel } from './dry-run-panel';
import { EvaluatorProvider, useNewEvaluator } from './expression/evaluator-context';
import { useRecentMessages } from './recent-messages-query';
import { JsonView } from './json-view';
import { Pipeline } from './pipeline';
import { envelopeOf, newSample, recordedSample, resolvedFilter, type Sample, sampleOf } from './sample-message';
import { SamplePanel } from './sample-panel';
import { SubscriptionHead } from './subscription-head';
import classes from './subscription-page.module.css';
import { type TaggedSubscription, useActionTypes, useSubscription } from './subscription-query';
import { TriggerFields } from './trigger-fields';
import { unreadFaults } from './unread-json';
import { useDryRun } from './use-dry-run';
import { names, useSubscriptionDraft } from './use-subscription-draft';

const words = texts.subscription;

export function SubscriptionPage() {
  const productId = useProductId();
  const id = Number(useParams().subscriptionId);
  const subscription = useSubscription(productId, id);
  const config = useMqttConfig(productId);
  // A link may bring along a delivery to debug with: its message is the sample.
  const deliveryId = useSearchParams()[0].get('delivery');
  const delivery = useDelivery(productId, deliveryId);
  const messageId = useSearchParams()[0].get('message');
  const message = useMessage(productId, messageId);
  const isWaiting = (deliveryId !== null && delivery.isPending) || (messageId !== null && message.isPending);
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
          message={message.data}
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
  /** A recorded one that is to be the sample. */
  message?: MessageDetail;
}

function Editor({ productId, loaded, config, delivery, message }: EditorProps) {
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
    delivery
      ? sampleOf(delivery, draft.payload_format)
      : message?.payload_base64 != null
        ? sampleOf(recordedSample(message, message.payload_base64), draft.payload_format)
        : null,
  );
  const isNew = (useLocation().state as { isNew?: boolean } | null)?.isNew === true;
  const [untouched] = useState(() => new Date());
  // Nothing typed and nothing picked: the newest message that came, else a made-up one.
  const recent = useRecentMessages(productId, loaded?.subscription.id ?? null, { every_ms: false });
  const newest = recent.data?.[0];
  const sample = pinned ?? (newest ? sampleOf(newest, draft.payload_format) : newSample(filter, untouched));
  const envelope = envelopeOf(sample, {
    productId,
    subscriptionId: loaded?.subscription.id ?? 0,
    format: draft.payload_format,
    filter,
  });
  // What is typed in the JSON view and can't be read yet.
  const [unreadText, setUnreadText] = useState<string | null>(null);
  const unreadFields = unreadFaults(draft.actions);
  const faults = { ...state.faults, ...unreadFields };
  const unread = unreadText !== null || Object.keys(unreadFields).length > 0 ? words.unread : null;
  const isDirty = state.changes.length > 0 || unread !== null;
  const dryRun = useDryRun({ productId, loaded, draft, sample, unread });
  useHotkeys([['mod+Enter', () => dryRun.blocked === null && dryRun.run()]], []);

  const evaluator = useNewEvaluator();
  const done = useRef(false);
  const save = async () => {
    const result = await state.save();
    if (result.kind === 'saved' && !loaded) {
      done.current = true;
      await navigate(`/products/${productId}/subscriptions/${result.saved.subscription.id}`, {
        replace: true,
        state: { isNew: true },
      });
    }
    if (result.kind === 'conflict') choose.open();
  };

  return (
    <EvaluatorProvider value={evaluator}>
      <SubscriptionHead
        state={state}
        loaded={loaded}
        productId={productId}
        readOnly={readOnly}
        view={view}
        onView={setView}
        keepView={unreadText !== null}
        onDeleted={() => {
          done.current = true;
        }}
      />
      {readOnly && (
        <Alert icon={<IconEye size={18} />} color="gray">
          {readOnlyReason(user)}
        </Alert>
      )}
      {isNew && loaded && !readOnly && user.may_read_payloads && (
        <BackfillOffer productId={productId} subscriptionId={loaded.subscription.id} />
      )}
      <div className={classes.columns}>
        <div className={classes.main}>
          {view === 'json' ? (
            <JsonView
              key={state.generation}
              state={state}
              faults={faults}
              readOnly={readOnly}
              unread={unreadText}
              onUnread={setUnreadText}
            />
          ) : (
            <>
              <Stage icon={<IconBroadcast size={18} stroke={1.7} />} title={words.trigger}>
                <TriggerFields
                  state={state}
                  readOnly={readOnly}
                  preview={previewTopic({ id: 0, ...draft }, surroundings)}
                />
                <MissingVariables
                  product={{ id: productId, variables: surroundings.variables }}
                  names={missingVariables(draft.topic, surroundings)}
                  readOnly={readOnly}
                />
              </Stage>
              <Stage icon={<IconFilter size={18} stroke={1.7} />} title={words.filter}>
                <ConditionField state={state} readOnly={readOnly} sample={envelope} />
              </Stage>
              <Stage title={words.actions} isLast>
                <Loaded query={types}>
                  {(known) => (
                    <Pipeline
                      actions={draft.actions}
                      onChange={(actions) => state.set({ actions })}
                      types={known}
                      faults={faults}
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
            canRetry={!readOnly && !isDirty}
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
        changes={Math.max(state.changes.length, isDirty ? 1 : 0)}
        summary={names(state.changes)}
        saving={state.saving}
        blocked={unread}
        saveLabel={texts.common.save}
        onDiscard={() => {
          setUnreadText(null);
          state.discard();
        }}
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
      <UnsavedGuard isDirty={isDirty} done={done} />
    </EvaluatorProvider>
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
