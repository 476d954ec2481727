import { Button } from '@mantine/core';
import { useState } from 'react';
import { texts } from '../../texts';
import { ExpressionField } from './expression/expression-field';
import type { SampleEnvelope } from './sample-message';
import classes from './subscription-page.module.css';
import type { SubscriptionDraftState } from './use-subscription-draft';

const words = texts.subscription;

interface Props {
  state: SubscriptionDraftState;
  readOnly: boolean;
  sample: SampleEnvelope;
}

/** Which of the messages go on to the actions; none means all. */
export function ConditionField({ state, readOnly, sample }: Props) {
  const { draft, faults, set } = state;
  const [wasAdded, setWasAdded] = useState(false);
  if (draft.filter === null) {
    return (
      <div className={classes.condition}>
        <span className={classes.note}>{words.filterNone}</span>
        {!readOnly && (
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => {
              setWasAdded(true);
              set({ filter: '' });
            }}
          >
            {words.addFilter}
          </Button>
        )}
      </div>
    );
  }
  return (
    <div className={classes.stack}>
      <ExpressionField
        label={words.fields.filter ?? ''}
        description={words.filterHint}
        value={draft.filter}
        onChange={(filter) => set({ filter })}
        sample={sample}
        error={faults.filter}
        readOnly={readOnly}
        autoFocus={wasAdded}
        placeholder="payload.celsius > 80"
      />
      {!readOnly && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className={classes.removeFilter}
          onClick={() => set({ filter: null })}
        >
          {words.removeFilter}
        </Button>
      )}
    </div>
  );
}
