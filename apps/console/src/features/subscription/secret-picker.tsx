import { Anchor, NativeSelect } from '@mantine/core';
import { Link } from 'react-router';
import { texts } from '../../texts';
import type { FormContext, InputProps } from './form-context';

const words = texts.subscription.secret;

/** Takes a secret of the product by its name. */
export function SecretPicker({
  value,
  onChange,
  context,
  ...common
}: InputProps & { value: string; onChange: (value: unknown) => void; context: FormContext }) {
  const names = value && !context.secrets.includes(value) ? [value, ...context.secrets] : context.secrets;
  return (
    <div>
      <NativeSelect
        {...common}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        data={[{ value: '', label: common.required ? words.pick : words.clear }, ...names]}
      />
      <SecretsLink context={context} />
    </div>
  );
}

export function SecretsLink({ context }: { context: FormContext }) {
  return (
    <Anchor component={Link} to={`/products/${context.productId}/secrets`} size="xs" target="_blank">
      {context.secrets.length === 0 ? words.none : words.add}
    </Anchor>
  );
}
