import { Button } from '@mantine/core';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Broker, Product } from '../../../api/types';
import { Empty } from '../../../components/states';
import { texts } from '../../../texts';
import {
  ConnectionTestReport,
  TestConnectionButton,
  useConnectionTest,
} from '../../mqtt-config/test-connection-button';
import { StepForm } from './setup-frame';
import classes from './setup-step.module.css';
import { setupPath } from './setup-steps';

const words = texts.setup.test;

/** Tests what is stored as soon as the step is opened; a test changes nothing, so it may run at every visit. */
export function TestStep({ product, broker }: { product: Product; broker: Broker }) {
  const navigate = useNavigate();
  const test = useConnectionTest(product.id);
  const run = useRef(test.run);
  const hasBroker = broker.host !== null;
  useEffect(() => {
    if (hasBroker) run.current({});
  }, [hasBroker]);
  const worked = test.progress?.result?.connected === true;
  const toBroker = setupPath(product.id, 'broker');
  return (
    <StepForm
      step="test"
      productId={product.id}
      next={worked || !hasBroker ? undefined : words.anyway}
      onNext={() => void navigate(setupPath(product.id, 'topics'))}
      isDone
      quiet={!worked}
    >
      {hasBroker ? (
        <>
          <div className={classes.bar}>
            <code className={classes.address}>
              {broker.transport}://{broker.host}:{broker.port}
            </code>
            <TestConnectionButton test={test} onRun={() => test.run({})} />
          </div>
          <ConnectionTestReport test={test} />
          {!test.running && test.progress && !worked && (
            <Button component={Link} to={toBroker} className={classes.fit}>
              {words.change}
            </Button>
          )}
        </>
      ) : (
        <Empty
          icon={IconPlugConnectedX}
          title={words.noBroker}
          hint={words.noBrokerHint}
          action={
            <Button component={Link} to={toBroker}>
              {words.toBroker}
            </Button>
          }
        />
      )}
    </StepForm>
  );
}
