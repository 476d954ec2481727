import { Button, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import { messageOf } from '../../api/problem';
import type { Product } from '../../api/types';
import { texts } from '../../texts';
import classes from './topic-config-form.module.css';

const words = texts.mqttConfig;

interface Props {
  product: Pick<Product, 'id' | 'variables'>;
  /** Variables that a topic uses and the product does not have. */
  names: string[];
  readOnly: boolean;
}

/** A field for the value of each placeholder that has none yet: it is a variable of the product, saved at once. */
export function MissingVariables({ product, names, readOnly }: Props) {
  if (readOnly) return null;
  return names.map((name) => <MissingVariable key={name} product={product} name={name} />);
}

function MissingVariable({ product, name }: { product: Props['product']; name: string }) {
  const queryClient = useQueryClient();
  const [value, setValue] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const save = async () => {
    setSaving(true);
    setFault(null);
    try {
      const variables = { ...product.variables, [name]: value };
      await request<Product>('PATCH', `/products/${product.id}`, { body: { variables } });
      await queryClient.invalidateQueries({ queryKey: keys.products });
    } catch (error) {
      setFault(messageOf(error));
    } finally {
      setSaving(false);
    }
  };
  return (
    <div className={classes.missing}>
      <TextInput
        label={words.missingVariable(name)}
        description={words.missingVariableHint}
        value={value}
        error={fault}
        spellCheck={false}
        autoComplete="off"
        classNames={{ input: 'mono' }}
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      <Button variant="default" loading={saving} disabled={value.trim() === ''} onClick={() => void save()}>
        {words.saveVariable}
      </Button>
    </div>
  );
}
