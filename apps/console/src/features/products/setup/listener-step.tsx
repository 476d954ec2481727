import { Button } from '@mantine/core';
import { IconTerminal2 } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { post } from '../../../api/client';
import type { ConnectionStatus, Product, Token } from '../../../api/types';
import { Fold } from '../../../components/fold';
import { notifyFailure } from '../../../components/notify';
import type { Tone } from '../../../components/state-language';
import { Loaded } from '../../../components/states';
import { ToneIcon } from '../../../components/status-badge';
import { texts } from '../../../texts';
import { DeployPanel } from '../../listeners/listeners-page';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { useListenerRuntime } from './listener-runtime-query';
import { isListening, listenerChecks } from './listener-checks';
import { StepForm } from './setup-frame';
import classes from './setup-step.module.css';
import { setupPath } from './setup-steps';

const words = texts.setup.listener;

interface Props {
  product: Product;
  config: TaggedConfig;
  status: ConnectionStatus;
}

/** Live: a listener has started, is connected, and the broker has confirmed what is subscribed. */
export function ListenerStep({ product, config, status }: Props) {
  const navigate = useNavigate();
  const runtime = useListenerRuntime();
  const checks = listenerChecks(status, config.document);
  const isReady = isListening(checks);
  return (
    <StepForm
      step="listener"
      productId={product.id}
      onNext={() => void navigate(setupPath(product.id, 'message'))}
      isDone
      quiet={!isReady}
    >
      <ol className={classes.checks} aria-live="polite">
        {checks.map((check) => (
          <Check key={check.kind} tone={check.tone} note={check.note}>
            {check.words}
            {check.step && (
              <>
                {' '}
                <Link to={setupPath(product.id, check.step)}>{texts.setup.steps[check.step].label}</Link>
              </>
            )}
          </Check>
        ))}
      </ol>
      <Loaded query={runtime} loading={null}>
        {(kind) => {
          const hasStarted = checks[0]?.tone === 'ok';
          if (kind !== 'none') {
            return hasStarted ? (
              <Fold title={words.more}>
                <Elsewhere product={product} />
              </Fold>
            ) : (
              <p className={classes.note}>{words.waitingHere}</p>
            );
          }
          return hasStarted ? null : (
            <>
              <p className={classes.note}>{words.waitingElsewhere}</p>
              <Elsewhere product={product} />
            </>
          );
        }}
      </Loaded>
    </StepForm>
  );
}

function Check({ tone, note, children }: { tone: Tone; note?: string | null; children: ReactNode }) {
  return (
    <li className={classes.check}>
      <ToneIcon tone={tone} size={20} />
      <span>
        {children}
        {note && <span className={classes.checkNote}>{note}</span>}
      </span>
    </li>
  );
}

/** A token made for this, and the commands with it. The token is in memory only: a reload takes it away. */
function Elsewhere({ product }: { product: Product }) {
  const [token, setToken] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      const name = words.tokenName(new Date().toISOString().slice(0, 10));
      const made = await post<Token>(`/products/${product.id}/listener-tokens`, { name });
      setToken(made.token ?? null);
    } catch (error) {
      notifyFailure(words.command, error);
    } finally {
      setBusy(false);
    }
  };
  if (token !== null) return <DeployPanel productId={product.id} token={token} />;
  return (
    <div className={classes.stack}>
      <Button
        className={classes.fit}
        variant="light"
        leftSection={<IconTerminal2 size={17} />}
        loading={busy}
        onClick={() => void make()}
      >
        {words.command}
      </Button>
      <p className={classes.note}>
        {words.commandHint} {words.lost}
      </p>
    </div>
  );
}
