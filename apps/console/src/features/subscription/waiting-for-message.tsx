import { Alert, Loader } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useNow } from '../../components/time';
import { texts } from '../../texts';
import classes from './waiting-for-message.module.css';

const words = texts.subscription.sample;
const PATIENCE_MS = 30_000;

/** Pulses while a message is waited for; after 30 s says what to check: `checks` are list items. */
export function WaitingForMessage({ label, checks }: { label: string; checks: ReactNode }) {
  const [since] = useState(() => Date.now());
  const now = useNow();
  return (
    <div className={classes.waiting} role="status">
      <Loader type="dots" size="md" />
      <span>{label}</span>
      {now - since > PATIENCE_MS && (
        <Alert color="amber" icon={<IconAlertTriangle size={18} />} title={words.stillNothing} w="100%">
          <ul className={classes.checks}>{checks}</ul>
        </Alert>
      )}
    </div>
  );
}
