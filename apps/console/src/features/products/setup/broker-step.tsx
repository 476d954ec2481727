import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import type { Product } from '../../../api/types';
import { CommandBlock } from '../../../components/command-block';
import { Fold } from '../../../components/fold';
import { UnsavedGuard } from '../../../components/unsaved-guard';
import { texts } from '../../../texts';
import { BrokerConnectionForm } from '../../mqtt-config/broker-connection-form';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { ConflictDialog } from '../../mqtt-config/save-dialogs';
import { StepForm } from './setup-frame';
import classes from './setup-step.module.css';
import { setupPath } from './setup-steps';
import { useSetupConfig } from './use-setup-config';

const words = texts.setup.broker;

const OWN_BROKER = 'docker run --rm -p 1883:1883 eclipse-mosquitto:2 mosquitto -c /mosquitto-no-auth.conf';

/** Address and credentials. Saved before the test, so that the test is of what the listener will use. */
export function BrokerStep({ product, loaded }: { product: Product; loaded: TaggedConfig }) {
  const navigate = useNavigate();
  const { broker } = loaded.document.mqtt_config;
  const [tried, setTried] = useState(false);
  const { state, bind, hasTypedSecret } = useSetupConfig({
    product,
    loaded,
    step: 'broker',
    faultsOf: (draft): Record<string, string> =>
      tried && !draft['broker.host'] ? { 'broker.host': words.hostNeeded } : {},
  });
  const done = useRef(false);

  const next = async () => {
    setTried(true);
    if (!state.draft['broker.host']) {
      document.getElementsByName('broker.host')[0]?.focus();
      return;
    }
    if (state.changes.length > 0 && (await state.save()).kind !== 'saved') return;
    done.current = true;
    await navigate(setupPath(product.id, 'test'));
  };

  return (
    <StepForm
      step="broker"
      productId={product.id}
      next={words.save}
      onNext={() => void next()}
      busy={state.saving}
      isDone={broker.host !== null}
    >
      <BrokerConnectionForm bind={bind} stored={broker} />
      <Fold title={words.none}>
        <p className={classes.note}>{words.noneHint}</p>
        <CommandBlock command={OWN_BROKER} what={words.noneCommand} />
      </Fold>
      <ConflictDialog
        opened={!state.saving}
        conflicts={state.conflicts}
        onClose={() => state.resolve({})}
        onResolve={state.resolve}
      />
      <UnsavedGuard isDirty={hasTypedSecret} done={done} />
    </StepForm>
  );
}
