import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { same } from '../mqtt-config/config-draft';
import type { InputProps } from './form-context';
import { jsonText, readJson } from './unread-json';

/** A value that has no input of its own. A text that is not JSON stays, and `error` says so. */
export function JsonField({
  value,
  onChange,
  ...common
}: InputProps & { value: unknown; onChange: (value: unknown) => void }) {
  const [typed, setTyped] = useState(() => jsonText(value));
  return (
    <Textarea
      {...common}
      value={same(readJson(typed), value) ? typed : jsonText(value)}
      autosize
      minRows={2}
      spellCheck={false}
      classNames={{ input: 'mono' }}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        onChange(readJson(event.currentTarget.value));
      }}
    />
  );
}
