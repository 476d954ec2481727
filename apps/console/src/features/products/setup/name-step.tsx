import { Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { patch, post } from '../../../api/client';
import { keys } from '../../../api/keys';
import { faultsByField } from '../../../api/problem';
import type { Product } from '../../../api/types';
import { readKept, useKept } from '../../../components/kept-draft';
import { notifyFailure } from '../../../components/notify';
import { texts } from '../../../texts';
import { StepForm } from './setup-frame';
import { setupPath } from './setup-steps';

const words = texts.setup.name;

interface Named {
  name: string;
  description: string;
}

/** Name and description; makes the product when there is none yet. */
export function NameStep({ product }: { product: Product | null }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const stored: Named = { name: product?.name ?? '', description: product?.description ?? '' };
  const key = `setup ${product?.id ?? 'new'} name`;
  const [typed, setTyped] = useState<Partial<Named>>(() => readKept<Named>(key));
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  useKept(key, typed);
  const draft = { ...stored, ...typed };

  const save = async () => {
    if (draft.name.trim() === '') {
      setFaults({ name: words.needed });
      focusField('name');
      return;
    }
    setBusy(true);
    setFaults({});
    try {
      const saved = product
        ? await patch<Product>(`/products/${product.id}`, draft)
        : await post<Product>('/products', draft);
      queryClient.setQueryData(keys.product(saved.id), saved);
      void queryClient.invalidateQueries({ queryKey: keys.products, exact: true });
      setTyped({});
      await navigate(setupPath(saved.id, 'broker'), { replace: !product });
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      const [field] = Object.keys(found);
      if (field === undefined) notifyFailure(texts.common.saveFailed, error);
      else focusField(field === 'slug' ? 'name' : field);
    } finally {
      setBusy(false);
    }
  };

  return (
    <StepForm
      step="name"
      productId={product?.id ?? null}
      next={product ? undefined : words.create}
      onNext={() => void save()}
      busy={busy}
      isDone
    >
      <TextInput
        label={words.label}
        name="name"
        placeholder={words.placeholder}
        value={draft.name}
        error={faults.name ?? faults.slug}
        autoFocus={!product}
        autoComplete="off"
        onChange={(event) => setTyped({ ...typed, name: event.currentTarget.value })}
      />
      <Textarea
        label={`${words.description} (${texts.common.optional})`}
        description={words.descriptionHelp}
        name="description"
        value={draft.description}
        error={faults.description}
        autosize
        minRows={2}
        onChange={(event) => setTyped({ ...typed, description: event.currentTarget.value })}
      />
    </StepForm>
  );
}

function focusField(name: string): void {
  document.getElementsByName(name)[0]?.focus();
}
