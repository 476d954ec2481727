import { Button, Group, Modal, Radio, Stack, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { ChangeTable } from '../../components/change-table';
import { texts } from '../../texts';
import { changeRows, effectOf, valueWords } from './change-words';
import type { Change, Conflict } from './config-draft';
import classes from './save-dialogs.module.css';

const words = texts.mqttConfig;

interface ReviewProps {
  opened: boolean;
  changes: Change[];
  saving: boolean;
  onClose: () => void;
  onSave: () => void;
}

/** What a save will do, before it does it. */
export function ReviewDialog({ opened, changes, saving, onClose, onSave }: ReviewProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={words.reviewTitle} size="xl">
      <Stack gap="md">
        <ChangeTable rows={changeRows(changes)} />
        <div className={classes.effect}>
          <IconInfoCircle size={17} aria-hidden />
          {effectOf(changes)}
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {texts.common.cancel}
          </Button>
          <Button onClick={onSave} loading={saving} data-autofocus>
            {words.save}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface ConflictProps {
  opened: boolean;
  conflicts: Conflict[];
  labelOf?: (field: string) => string;
  onClose: () => void;
  onResolve: (choices: Record<string, 'mine' | 'theirs'>) => void;
}

const fieldLabel = (field: string): string => words.fields[field] ?? field;

/** Both sides changed the same field: shows both, lets one choose. Closed while there is no conflict; starts over with others. */
export function ConflictDialog({ opened, ...props }: ConflictProps) {
  const fields = props.conflicts.map(({ field }) => field);
  return <ConflictChoice key={fields.join()} opened={opened && fields.length > 0} {...props} />;
}

function ConflictChoice({ opened, conflicts, labelOf = fieldLabel, onClose, onResolve }: ConflictProps) {
  const [choices, setChoices] = useState<Record<string, 'mine' | 'theirs'>>({});
  const isComplete = conflicts.every(({ field }) => choices[field]);
  return (
    <Modal opened={opened} onClose={onClose} title={words.conflictTitle} size="lg">
      <Stack gap="md">
        <Text c="dimmed">{words.conflictHint}</Text>
        {conflicts.map(({ field, mine, theirs, base }) => (
          <Radio.Group
            key={field}
            label={labelOf(field)}
            description={`${words.before}: ${valueWords(field, base)}`}
            value={choices[field] ?? null}
            onChange={(choice) => setChoices((all) => ({ ...all, [field]: choice as 'mine' | 'theirs' }))}
          >
            <div className={classes.sides}>
              {(
                [
                  ['mine', words.mine, mine],
                  ['theirs', words.theirs, theirs],
                ] as const
              ).map(([side, label, value]) => (
                <Radio.Card key={side} value={side} className={classes.side}>
                  <Radio.Indicator size="sm" />
                  <span className={classes.sideWords}>
                    <span className={classes.sideLabel}>{label}</span>
                    <code className={classes.value}>{valueWords(field, value)}</code>
                  </span>
                </Radio.Card>
              ))}
            </div>
          </Radio.Group>
        ))}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {texts.common.cancel}
          </Button>
          <Button disabled={!isComplete} onClick={() => onResolve(choices)}>
            {words.apply}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
