import { TextInput, type TextInputProps } from '@mantine/core';

export interface IntegerInputProps extends Omit<TextInputProps, 'value' | 'onChange' | 'type'> {
  value: number | string | null | undefined;
  /** The number typed; null when the field is empty. What is out of bounds is left to the server's fault. */
  onChange: (value: number | null) => void;
  min?: number;
  max?: number;
}

/** A whole number. The browser's own input knows arrows, wheel and phone keyboards. */
export function IntegerInput({ value, onChange, ...others }: IntegerInputProps) {
  return (
    <TextInput
      {...others}
      type="number"
      inputMode="numeric"
      step={1}
      value={value ?? ''}
      onChange={(event) => {
        const { value: typed } = event.currentTarget;
        onChange(typed === '' ? null : Number(typed));
      }}
    />
  );
}
