import { Alert } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { Navigate, useParams } from 'react-router';
import { ApiError } from '../../../api/problem';
import type { ConnectionStatus, Product } from '../../../api/types';
import { Failure, LoadingRows } from '../../../components/states';
import { NotFoundPage } from '../../../shell/route-states';
import { mayChange, readOnlyReason, useUser } from '../../../shell/session';
import { texts } from '../../../texts';
import { useConnectionStatus } from '../../mqtt-config/connection-status-query';
import { type TaggedConfig, useMqttConfig } from '../../mqtt-config/mqtt-config-query';
import { useProductId } from '../product-id';
import { useProduct } from '../products-query';
import { BrokerStep } from './broker-step';
import { ListenerStep } from './listener-step';
import { MessageStep } from './message-step';
import { NameStep } from './name-step';
import { SetupFrame } from './setup-frame';
import { doneSteps, firstOpenStep, isSetupStep, type SetupStep, setupPath } from './setup-steps';
import { SubscriptionStep } from './subscription-step';
import { TestStep } from './test-step';
import { TopicsStep } from './topics-step';

/** The first step, before there is a product. */
export function NewProductPage() {
  const user = useUser();
  return (
    <SetupFrame step="name" product={null} done={new Set()}>
      {user.role === 'admin' ? (
        <NameStep product={null} />
      ) : (
        <Alert icon={<IconEye size={18} />} color="gray">
          {texts.setup.needsAdmin}
        </Alert>
      )}
    </SetupFrame>
  );
}

/** `/products/{id}/setup/{step}`; without a step it continues where somebody left. */
export function SetupPage() {
  const productId = useProductId();
  const { step } = useParams();
  const product = useProduct(productId);
  const config = useMqttConfig(productId);
  const { status, error: statusError } = useConnectionStatus(productId);
  const failed = [product, config].find((query) => query.isError && !query.data);
  const isGone = failed?.error instanceof ApiError && failed.error.status === 404;
  if (!Number.isInteger(productId) || isGone || (step !== undefined && !isSetupStep(step))) return <NotFoundPage />;
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!product.data || !config.data || !status) {
    return statusError ? <Failure error={statusError} /> : <LoadingRows rows={6} />;
  }
  const done = doneSteps(factsOf(config.data, status));
  if (step === undefined) return <Navigate to={setupPath(productId, firstOpenStep(done))} replace />;
  return <Setup step={step} product={product.data} config={config.data} status={status} done={done} />;
}

interface SetupProps {
  step: SetupStep;
  product: Product;
  config: TaggedConfig;
  status: ConnectionStatus;
  done: Set<SetupStep>;
}

function Setup({ step, product, config, status, done }: SetupProps) {
  const user = useUser();
  return (
    <SetupFrame step={step} product={product} done={done}>
      {mayChange(user, product.id) ? (
        <Step step={step} product={product} config={config} status={status} />
      ) : (
        <Alert icon={<IconEye size={18} />} color="gray">
          {readOnlyReason(user)}
        </Alert>
      )}
    </SetupFrame>
  );
}

function Step({ step, product, config, status }: Omit<SetupProps, 'done'>) {
  switch (step) {
    case 'name':
      return <NameStep product={product} />;
    case 'broker':
      return <BrokerStep product={product} loaded={config} />;
    case 'test':
      return <TestStep product={product} broker={config.document.mqtt_config.broker} />;
    case 'topics':
      return <TopicsStep product={product} loaded={config} />;
    case 'subscription':
      return <SubscriptionStep product={product} config={config} />;
    case 'listener':
      return <ListenerStep product={product} config={config} status={status} />;
    case 'message':
      return <MessageStep product={product} config={config} status={status} />;
    default:
      return step satisfies never;
  }
}

function factsOf({ document }: TaggedConfig, status: ConnectionStatus) {
  const { broker, topics } = document.mqtt_config;
  return {
    has_broker: broker.host !== null,
    has_topics: topics.prefix !== '' || topics.pattern !== '',
    subscriptions: document.subscriptions.length,
    connected: status.connected,
    messages: status.messages_received,
  };
}
