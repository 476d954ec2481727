import { Tooltip } from '@mantine/core';
import {
  IconAlertTriangleFilled,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCircleXFilled,
  IconLoader2,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { texts } from '../texts';
import { asState, type Tone, toneOf } from './state-language';
import classes from './status-badge.module.css';

const ICONS: { [T in Tone]: typeof IconLoader2 } = {
  ok: IconCircleCheckFilled,
  warn: IconAlertTriangleFilled,
  bad: IconCircleXFilled,
  busy: IconLoader2,
  off: IconCircleDashed,
};

/** The icon of a tone, in its colour; its meaning must stand beside it as text. */
export function ToneIcon({ tone, size = 16 }: { tone: Tone; size?: number }) {
  const Icon = ICONS[tone];
  return <Icon size={size} className={`${classes.icon} ${classes[tone]}`} aria-hidden />;
}

/** A word with the icon and colour of its tone. */
export function ToneBadge({ tone, children, hint }: { tone: Tone; children: ReactNode; hint?: string }) {
  const badge = (
    <span className={`${classes.badge} ${classes[`${tone}Badge`]}`}>
      <ToneIcon tone={tone} size={14} />
      {children}
    </span>
  );
  return hint ? <Tooltip label={hint}>{badge}</Tooltip> : badge;
}

/** State of a connection, of a product or an instance. */
export function StatusBadge({ state }: { state: string | null | undefined }) {
  const known = asState(state);
  return (
    <ToneBadge tone={toneOf(known)} hint={texts.stateHint[known]}>
      {texts.state[known]}
    </ToneBadge>
  );
}
