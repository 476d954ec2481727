import { Alert } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconEye } from '@tabler/icons-react';
import { useEffect } from 'react';
import { Panel } from '../../components/layout';
import { SaveBar } from '../../components/save-bar';
import { Loaded } from '../../components/states';
import { UnsavedGuard } from '../../components/unsaved-guard';
import { mayChange, readOnlyReason, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProductId } from '../products/product-id';
import { useProduct } from '../products/products-query';
import { BrokerConnectionForm } from './broker-connection-form';
import { BrokersPanel } from './brokers-panel';
import { testBodyOf } from './config-draft';
import { ConnectionStatusPanel } from './connection-status-panel';
import { useConnectionStatus } from './connection-status-query';
import { createBinder } from './form-fields';
import { HistoryPanel } from './history-panel';
import classes from './mqtt-config-page.module.css';
import { type TaggedConfig, useMqttConfig } from './mqtt-config-query';
import { ReliabilityForm } from './reliability-form';
import { ConflictDialog, ReviewDialog } from './save-dialogs';
import { SubscriptionsList } from './subscriptions-list';
import { ConnectionTestReport, TestConnectionButton, useConnectionTest } from './test-connection-button';
import { TopicConfigForm, topicsIn } from './topic-config-form';
import { sectionFaults } from './topic-preview';
import { fieldNames, useConfigDraft } from './use-config-draft';

const words = texts.mqttConfig;

export function MqttConfigPage() {
  const productId = useProductId();
  const config = useMqttConfig(productId);
  return (
    <>
      <title>{`${words.title} · cortex-mqtt`}</title>
      <h1 className={classes.heading}>{words.title}</h1>
      <Loaded query={config}>{(loaded) => <MqttConfig key={productId} productId={productId} loaded={loaded} />}</Loaded>
    </>
  );
}

function MqttConfig({ productId, loaded }: { productId: number; loaded: TaggedConfig }) {
  const user = useUser();
  const canChange = mayChange(user, productId);
  const product = useProduct(productId);
  const { status } = useConnectionStatus(productId);
  const state = useConfigDraft(productId, loaded);
  const test = useConnectionTest(productId);
  const [reviewing, review] = useDisclosure(false);
  const [choosing, choose] = useDisclosure(false);

  const surroundings = { id: productId, slug: product.data?.slug ?? '', variables: product.data?.variables ?? {} };
  const topics = topicsIn({ read: <T,>(field: string) => state.draft[field] as T });
  const localFaults = product.data ? sectionFaults({ ...surroundings, topics }) : {};
  const bind = createBinder(state, { readOnly: !canChange, localFaults });
  const { broker } = loaded.document.mqtt_config;

  const save = async () => {
    const { kind } = await state.save();
    review.close();
    if (kind === 'conflict') choose.open();
  };
  const startSave = () => {
    const [faulty] = Object.keys(localFaults);
    if (faulty) focusField(faulty);
    else if (state.conflicts.length > 0) choose.open();
    else review.open();
  };
  const [refused] = Object.keys(state.faults);
  useEffect(() => {
    if (refused) focusField(refused);
  }, [refused]);

  return (
    <>
      {!canChange && (
        <Alert icon={<IconEye size={18} />} color="gray">
          {readOnlyReason(user)}
        </Alert>
      )}
      <div className={classes.columns}>
        <div className={classes.main}>
          <Panel
            id="broker"
            title={words.broker}
            hint={broker.host === null ? words.notConfigured : words.brokerHint}
            actions={
              canChange ? (
                <TestConnectionButton test={test} onRun={() => test.run(testBodyOf(state.draft))} />
              ) : undefined
            }
          >
            <div className={classes.stack}>
              <ConnectionTestReport test={test} />
              <BrokerConnectionForm bind={bind} stored={broker} />
            </div>
          </Panel>
          <Panel id="topics" title={words.topics} hint={words.topicsHint}>
            <div className={classes.stack}>
              <TopicConfigForm bind={bind} product={surroundings} subscriptions={loaded.document.subscriptions} />
              {'delivery.handover_after_ms' in state.draft && <ReliabilityForm bind={bind} />}
            </div>
          </Panel>
          <BrokersPanel
            productId={productId}
            first={broker}
            instances={status?.instances ?? []}
            canChange={canChange}
          />
          <SubscriptionsList
            productId={productId}
            subscriptions={loaded.document.subscriptions}
            status={status}
            defaultQos={loaded.document.mqtt_config.topics.qos}
            canChange={canChange}
          />
        </div>
        <div className={classes.side}>
          <ConnectionStatusPanel productId={productId} canChange={canChange} />
          <HistoryPanel productId={productId} />
        </div>
      </div>
      <SaveBar
        changes={state.changes.length}
        summary={fieldNames(state.changes)}
        saving={state.saving}
        saveLabel={words.review}
        onDiscard={state.discard}
        onSave={startSave}
      />
      <ReviewDialog
        opened={reviewing && state.conflicts.length === 0}
        changes={state.changes}
        saving={state.saving}
        onClose={review.close}
        onSave={() => void save()}
      />
      <ConflictDialog
        opened={choosing}
        conflicts={state.conflicts}
        onClose={choose.close}
        onResolve={(choices) => {
          state.resolve(choices);
          choose.close();
          review.open();
        }}
      />
      <UnsavedGuard isDirty={state.changes.length > 0} />
    </>
  );
}

/** Brings a field into sight, by the name that the API gives it. */
function focusField(name: string): void {
  document.getElementsByName(name)[0]?.focus();
}
