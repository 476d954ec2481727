import { Button, Group, Input, PasswordInput, Text, Textarea } from '@mantine/core';
import { IconLock, IconLockOff } from '@tabler/icons-react';
import { useId } from 'react';
import { texts } from '../texts';
import classes from './secret-field.module.css';

/** Kept, replaced by what was typed, or to be removed. */
export type SecretValue = { kind: 'keep' } | { kind: 'replace'; value: string } | { kind: 'clear' };

interface SecretFieldProps {
  label: string;
  description?: string;
  isSet: boolean;
  value: SecretValue;
  onChange: (value: SecretValue) => void;
  error?: string;
  multiline?: true;
  disabled?: boolean;
  placeholder?: string;
}

/** A write-only value: shows whether one is stored, and lets one set, replace or clear it. */
export function SecretField(props: SecretFieldProps) {
  const { label, description, isSet, value, onChange, error, disabled } = props;
  const id = useId();
  const words = texts.mqttConfig;

  if (value.kind === 'replace' || (value.kind === 'keep' && !isSet)) {
    const typed = value.kind === 'replace' ? value.value : '';
    const change = (text: string) =>
      onChange(text === '' && !isSet ? { kind: 'keep' } : { kind: 'replace', value: text });
    const back =
      isSet || typed ? (
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => onChange({ kind: 'keep' })}>
          {isSet ? words.keep : texts.common.undo}
        </Button>
      ) : null;
    const shared = {
      label: (
        <span className={classes.label}>
          {label}
          {back}
        </span>
      ),
      'aria-label': label,
      description,
      error,
      disabled,
      placeholder: props.placeholder,
      value: typed,
      autoComplete: 'new-password',
      'data-1p-ignore': true,
      classNames: { label: classes.fullLabel },
    };
    return props.multiline ? (
      <Textarea
        {...shared}
        autosize
        minRows={3}
        maxRows={8}
        spellCheck={false}
        classNames={{ ...shared.classNames, input: 'mono' }}
        onChange={(event) => change(event.currentTarget.value)}
      />
    ) : (
      <PasswordInput {...shared} onChange={(event) => change(event.currentTarget.value)} />
    );
  }

  const cleared = value.kind === 'clear';
  return (
    <Input.Wrapper label={label} labelElement="div" description={description} error={error} labelProps={{ id }}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out like the inputs beside it */}
      <div className={classes.stored} role="group" aria-labelledby={id}>
        {cleared ? <IconLockOff size={15} aria-hidden /> : <IconLock size={15} aria-hidden />}
        <Text size="sm" c={cleared ? 'var(--warn)' : 'dimmed'} className={classes.word}>
          {cleared ? words.willBeCleared : words.stored}
        </Text>
        {!disabled && (
          <Group gap={2} wrap="nowrap">
            <Button size="compact-xs" variant="subtle" onClick={() => onChange({ kind: 'replace', value: '' })}>
              {words.replace}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color={cleared ? 'gray' : 'red'}
              onClick={() => onChange({ kind: cleared ? 'keep' : 'clear' })}
            >
              {cleared ? words.keep : words.clear}
            </Button>
          </Group>
        )}
      </div>
    </Input.Wrapper>
  );
}
