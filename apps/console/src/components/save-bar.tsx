import { Button } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { texts } from '../texts';
import classes from './save-bar.module.css';

interface Props {
  changes: number;
  summary?: string;
  saving: boolean;
  /** Why it can't be saved as it is; null or absent when it can. */
  blocked?: string | null;
  onDiscard: () => void;
  onSave: () => void;
  saveLabel: string;
  extra?: ReactNode;
}

/** Stays at the bottom while something is unsaved. Ctrl+S (⌘S) does what its button does, in fields too. */
export function SaveBar({ changes, summary, saving, blocked, onDiscard, onSave, saveLabel, extra }: Props) {
  const isSavable = changes > 0 && !saving && !blocked;
  useHotkeys([['mod+S', () => isSavable && onSave()]], []);
  if (changes === 0) return null;
  return (
    <section className={classes.bar} aria-label={texts.mqttConfig.changes(changes)}>
      <div className={classes.words}>
        <span className={classes.count}>{texts.mqttConfig.changes(changes)}</span>
        {blocked ? (
          <span className={classes.blocked}>{blocked}</span>
        ) : (
          summary && <span className={classes.summary}>{summary}</span>
        )}
      </div>
      {extra}
      <Button variant="default" onClick={onDiscard} disabled={saving}>
        {texts.mqttConfig.discard}
      </Button>
      <Button onClick={onSave} loading={saving} disabled={Boolean(blocked)}>
        {saveLabel}
      </Button>
    </section>
  );
}
