import { Button, Stack, Switch, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { patch, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { Product } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Fields, Page, Panel, Wide } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { SaveBar } from '../../components/save-bar';
import { Loaded } from '../../components/states';
import { UnsavedGuard } from '../../components/unsaved-guard';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { same } from '../mqtt-config/config-draft';
import { useProductId } from './product-id';
import { useProduct } from './products-query';
import { type VariableRows, VariablesField } from './variables-field';

const words = texts.productSettings;

export function ProductSettingsPage() {
  const productId = useProductId();
  const product = useProduct(productId);
  return (
    <Page title={words.title}>
      <Loaded query={product}>{(loaded) => <Settings key={loaded.updated_at} product={loaded} />}</Loaded>
    </Page>
  );
}

interface Draft {
  name: string;
  slug: string;
  description: string;
  enabled: boolean;
  variables: VariableRows;
}

function Settings({ product }: { product: Product }) {
  const user = useUser();
  const readOnly = !mayChange(user, product.id);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const base = draftOf(product);
  const [draft, setDraft] = useState(base);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [saving, setSaving] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [isGone, setGone] = useState(false);
  const changed = (Object.keys(base) as (keyof Draft)[]).filter((field) => !same(base[field], draft[field]));
  const set = (change: Partial<Draft>) => setDraft((state) => ({ ...state, ...change }));

  const save = async () => {
    setSaving(true);
    setFaults({});
    const body = Object.fromEntries(
      changed.map((field) => [
        field,
        field === 'variables' ? Object.fromEntries(draft.variables.filter(([name]) => name !== '')) : draft[field],
      ]),
    );
    try {
      const saved = await patch<Product>(`/products/${product.id}`, body);
      queryClient.setQueryData(keys.product(product.id), saved);
      void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(product.id) });
      notifyDone(words.saved);
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    } finally {
      setSaving(false);
    }
  };

  const destroy = async () => {
    await remove(`/products/${product.id}`);
    setGone(true);
    notifyDone(words.deleted(product.name));
    await navigate('/products');
    queryClient.removeQueries({ queryKey: keys.product(product.id) });
    await queryClient.invalidateQueries({ queryKey: keys.products, exact: true });
  };

  return (
    <>
      <Panel title={words.general}>
        <Stack>
          <Fields>
            <TextInput
              label={words.name}
              value={draft.name}
              error={faults.name}
              disabled={readOnly}
              onChange={(event) => set({ name: event.currentTarget.value })}
            />
            <TextInput
              label={words.slug}
              description={words.slugHelp}
              value={draft.slug}
              error={faults.slug}
              disabled={readOnly}
              spellCheck={false}
              classNames={{ input: 'mono' }}
              onChange={(event) => set({ slug: event.currentTarget.value })}
            />
            <Wide>
              <Textarea
                label={words.description}
                value={draft.description}
                error={faults.description}
                disabled={readOnly}
                autosize
                minRows={1}
                onChange={(event) => set({ description: event.currentTarget.value })}
              />
            </Wide>
            <Wide>
              <Switch
                label={words.enabled}
                description={words.enabledHint}
                checked={draft.enabled}
                disabled={readOnly}
                onChange={(event) => set({ enabled: event.currentTarget.checked })}
              />
            </Wide>
          </Fields>
          <VariablesField
            rows={draft.variables}
            onChange={(variables) => set({ variables })}
            faults={faults}
            readOnly={readOnly}
          />
        </Stack>
      </Panel>
      {user.role === 'admin' && (
        <Panel
          title={words.danger}
          hint={words.dangerHint}
          actions={
            <Button variant="light" color="red" onClick={() => setDeleting(true)}>
              {words.delete}
            </Button>
          }
        >
          {null}
        </Panel>
      )}
      <SaveBar
        changes={changed.length}
        summary={changed.map((field) => words.fields[field]).join(', ')}
        saving={saving}
        saveLabel={texts.common.save}
        onDiscard={() => {
          setDraft(base);
          setFaults({});
        }}
        onSave={() => void save()}
      />
      <Confirm
        opened={deleting}
        onClose={() => setDeleting(false)}
        title={words.delete}
        confirmLabel={words.delete}
        typeToConfirm={product.name}
        typeLabel={words.typeName(product.name)}
        onConfirm={destroy}
      >
        {words.deleteBody(product.name)}
      </Confirm>
      <UnsavedGuard isDirty={changed.length > 0 && !isGone} />
    </>
  );
}

function draftOf(product: Product): Draft {
  const { name, slug, description, enabled, variables } = product;
  return { name, slug, description, enabled, variables: Object.entries(variables) };
}
