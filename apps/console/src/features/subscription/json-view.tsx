import { Skeleton } from '@mantine/core';
import { lazy, Suspense, useEffect, useState } from 'react';
import { texts } from '../../texts';
import { bodyOfDraft, parseDraft, type SubscriptionDraft } from './subscription-draft';
import classes from './subscription-page.module.css';
import type { SubscriptionDraftState } from './use-subscription-draft';

const JsonEditor = lazy(() => import('./expression/json-editor'));
const words = texts.subscription;

interface Props {
  state: SubscriptionDraftState;
  faults: Record<string, string>;
  readOnly: boolean;
  /** What is typed and can't be read yet; null when all is in the draft. */
  unread: string | null;
  onUnread: (text: string | null) => void;
}

/** The whole subscription as text. What can't be read stays as it was typed, and out of the draft. */
export function JsonView({ state, faults, readOnly, unread, onUnread }: Props) {
  const [text, setText] = useState(() => unread ?? jsonOf(state.draft));
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
            onUnread(result.ok ? null : next);
            if (result.ok) state.set(result.draft);
          }}
        />
      </Suspense>
      {!parsed.ok && (
        <div className={classes.fault} role="alert">
          {words.jsonFault}: {parsed.message}
        </div>
      )}
      {Object.entries(faults).map(([field, message]) => (
        <div key={field} className={classes.fault}>
          <code>{field}</code> {message}
        </div>
      ))}
    </section>
  );
}

const jsonOf = (draft: SubscriptionDraft): string => JSON.stringify(bodyOfDraft(draft), null, 2);
