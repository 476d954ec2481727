import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { Product } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import { notifyFailure } from '../../components/notify';
import { texts } from '../../texts';

const words = texts.newProduct;

/** Name first; the configuration page leads on from there. */
export function NewProductPage() {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    try {
      const product = await post<Product>('/products', { name, description });
      void queryClient.invalidateQueries({ queryKey: keys.products, exact: true });
      await navigate(`/products/${product.id}/mqtt-config`, { replace: true });
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <Panel>
        <form onSubmit={(event) => void submit(event)}>
          <Stack maw={560}>
            <TextInput
              label={words.nameLabel}
              description={words.nameHelp}
              placeholder={words.namePlaceholder}
              value={name}
              error={faults.name ?? faults.slug}
              required
              withAsterisk={false}
              autoFocus
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Textarea
              label={words.descriptionLabel}
              value={description}
              error={faults.description}
              autosize
              minRows={2}
              onChange={(event) => setDescription(event.currentTarget.value)}
            />
            <Group>
              <Button type="submit" loading={busy}>
                {words.create}
              </Button>
              <Button component={Link} to="/products" variant="default">
                {texts.common.cancel}
              </Button>
            </Group>
          </Stack>
        </form>
      </Panel>
    </Page>
  );
}
