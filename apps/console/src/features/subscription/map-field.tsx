import { ActionIcon, Button, Input, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { texts } from '../../texts';
import { same } from '../mqtt-config/config-draft';
import type { InputProps } from './form-context';
import classes from './schema-form.module.css';

const words = texts.subscription.map;

/** Names and values, such as headers. */
export function MapField({
  value,
  onChange,
  ...common
}: InputProps & { value: unknown; onChange: (value: unknown) => void }) {
  const stored = (value ?? {}) as Record<string, string>;
  // The rows as they are typed: while one name is typed it may for a moment be that of another row.
  const [rows, setRows] = useState(() => Object.entries(stored));
  const entries = same(Object.fromEntries(rows), stored) ? rows : Object.entries(stored);
  const write = (next: [string, string][]) => {
    setRows(next);
    onChange(Object.fromEntries(next));
  };
  const repeated = entries.find(([name], index) => entries.findIndex(([other]) => other === name) !== index)?.[0];
  return (
    <Input.Wrapper
      label={common.label}
      labelElement="div"
      description={common.description}
      error={common.error ?? (repeated === undefined ? undefined : words.repeated(repeated))}
    >
      <div className={classes.rows}>
        {entries.map(([name, text], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the name is what is being edited
          <div key={index} className={classes.pair}>
            <TextInput
              aria-label={`${common.label}: ${words.name}`}
              placeholder={words.name}
              value={name}
              disabled={common.disabled}
              onChange={(event) =>
                write(entries.map((one, at) => (at === index ? [event.currentTarget.value, one[1]] : one)))
              }
            />
            <TextInput
              aria-label={`${common.label}: ${words.value} ${name}`}
              placeholder={words.value}
              value={text}
              disabled={common.disabled}
              classNames={{ input: 'mono' }}
              onChange={(event) =>
                write(entries.map((one, at) => (at === index ? [one[0], event.currentTarget.value] : one)))
              }
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={common.disabled}
              aria-label={words.remove(name)}
              onClick={() => write(entries.filter((_, at) => at !== index))}
            >
              <IconX size={16} />
            </ActionIcon>
          </div>
        ))}
        {!common.disabled && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} />}
            disabled={entries.some(([name]) => name === '')}
            onClick={() => write([...entries, ['', '']])}
          >
            {words.add}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}
