import { Button, NumberInput, Stack, Switch, TagsInput, TextInput, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { remove, request } from '../../api/client';
import { keys } from '../../api/keys';
import type { Product } from '../../api/types';
import { writeUnlessChanged } from '../../api/write-unless-changed';
import { Confirm } from '../../components/confirm';
import { Fields, Page, Panel, Wide } from '../../components/layout';
import { notifyDone } from '../../components/notify';
import { SaveBar } from '../../components/save-bar';
import { Loaded } from '../../components/states';
import { UnsavedGuard } from '../../components/unsaved-guard';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { same } from '../mqtt-config/config-draft';
import { useConnectionStatus } from '../mqtt-config/connection-status-query';
import type { Tagged } from '../mqtt-config/merged-editing';
import { useMqttConfig } from '../mqtt-config/mqtt-config-query';
import { ConflictDialog } from '../mqtt-config/save-dialogs';
import { useMergedDraft } from '../mqtt-config/use-merged-draft';
import { useDeliveryCounts } from '../overview/overview-query';
import { useSecretNames } from '../secrets/secrets-query';
import { ManagedByNotice } from './managed-by-notice';
import { useProductId } from './product-id';
import classes from './product-settings-page.module.css';
import { type VariableRows, VariablesField } from './variables-field';

const words = texts.productSettings;

export function ProductSettingsPage() {
  const productId = useProductId();
  const product = useQuery({
    queryKey: keys.productVersion(productId),
    queryFn: ({ signal }) => readProduct(productId, signal),
    refetchInterval: 15_000,
  });
  return (
    <Page title={words.title}>
      <Loaded query={product}>{(loaded) => <Settings key={productId} loaded={loaded} />}</Loaded>
    </Page>
  );
}

interface TaggedProduct {
  product: Product;
  etag: string | null;
}

async function readProduct(productId: number, signal?: AbortSignal): Promise<TaggedProduct> {
  const { data, etag } = await request<Product>('GET', `/products/${productId}`, { signal });
  return { product: data, etag };
}

interface Draft {
  name: string;
  slug: string;
  description: string;
  enabled: boolean;
  replicas: number;
  /** Empty: every one. */
  allowed_queues: string[];
  variables: VariableRows;
}

function Settings({ loaded }: { loaded: TaggedProduct }) {
  const { product } = loaded;
  const user = useUser();
  const readOnly = !mayChange(user, product.id);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const isGone = useRef(false);
  const [choosing, choose] = useDisclosure(false);
  const state = useMergedDraft<TaggedProduct>({
    loaded: useMemo(() => tagged(loaded), [loaded]),
    keepAs: `product ${product.id} settings`,
    write: async (changes, ifMatch) => {
      await queryClient.cancelQueries({ queryKey: keys.productVersion(product.id) });
      const body = Object.fromEntries(changes.map(({ field, after }) => [field, bodyValue(field, after)]));
      const { data, etag } = await request<Product>('PATCH', `/products/${product.id}`, { body, ifMatch });
      const saved = { product: data, etag };
      queryClient.setQueryData(keys.productVersion(product.id), saved);
      queryClient.setQueryData(keys.product(product.id), data);
      void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(product.id) });
      notifyDone(words.saved);
      return saved;
    },
    readNewest: async () => {
      const newest = await readProduct(product.id);
      await queryClient.cancelQueries({ queryKey: keys.productVersion(product.id) });
      queryClient.setQueryData(keys.productVersion(product.id), newest);
      return tagged(newest);
    },
    savedAs: tagged,
    showsFault: (field) => field.replace(/\..*/, '') in words.fields,
    labelOf: (field) => words.fields[field] ?? field,
  });
  const draft = state.draft as unknown as Draft;
  const { faults, changes } = state;
  const set = (change: Partial<Draft>) => state.set(change);
  const save = async () => {
    if (state.conflicts.length > 0) return choose.open();
    const { kind } = await state.save();
    if (kind === 'conflict') choose.open();
  };

  const destroy = async () => {
    await writeUnlessChanged({
      seen: { value: tagged(loaded).values, etag: loaded.etag },
      readNewest: async () => {
        const newest = await readProduct(product.id);
        return { value: tagged(newest).values, etag: newest.etag };
      },
      isSame: same,
      write: (ifMatch) => remove(`/products/${product.id}`, { ifMatch }),
    });
    isGone.current = true;
    notifyDone(words.deleted(product.name));
    await navigate('/products');
    queryClient.removeQueries({ queryKey: keys.product(product.id) });
    await queryClient.invalidateQueries({ queryKey: keys.products, exact: true });
  };

  return (
    <>
      <ManagedByNotice product={product} />
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
            <NumberInput
              label={words.replicas}
              description={words.replicasHint}
              value={draft.replicas}
              error={faults.replicas}
              disabled={readOnly}
              min={1}
              max={50}
              allowDecimal={false}
              onChange={(value) => set({ replicas: Number(value) })}
            />
            <Wide>
              <TagsInput
                label={words.allowedQueues}
                description={words.allowedQueuesHint}
                value={draft.allowed_queues}
                error={faults.allowed_queues}
                disabled={user.role !== 'admin'}
                clearable
                onChange={(allowed_queues) => set({ allowed_queues })}
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
        changes={changes.length}
        summary={changes.map(({ field }) => words.fields[field]).join(', ')}
        saving={state.saving}
        saveLabel={texts.common.save}
        onDiscard={state.discard}
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
        <p>{words.deleteBody(product.name)}</p>
        {deleting && <WhatIsDestroyed productId={product.id} />}
      </Confirm>
      <ConflictDialog
        opened={choosing}
        conflicts={state.conflicts}
        labelOf={(field) => words.fields[field] ?? field}
        onClose={choose.close}
        onResolve={(choices) => {
          state.resolve(choices);
          choose.close();
        }}
      />
      <UnsavedGuard isDirty={changes.length > 0} done={isGone} />
    </>
  );
}

/** Names what goes with the product. */
function WhatIsDestroyed({ productId }: { productId: number }) {
  const config = useMqttConfig(productId);
  const secrets = useSecretNames(productId);
  const counts = useDeliveryCounts(productId);
  const { status } = useConnectionStatus(productId);
  const subscriptions = config.data?.document.subscriptions.map(({ name }) => name) ?? [];
  const host = config.data?.document.mqtt_config.broker.host;
  const destroyed = [
    ...(host ? [words.destroys.broker(host)] : []),
    words.destroys.subscriptions(subscriptions.length, namesOf(subscriptions)),
    words.destroys.secrets(secrets.data?.length ?? 0, namesOf(secrets.data ?? [])),
    words.destroys.deliveries(counts.data ? counts.data.waiting + counts.data.active : null, counts.data?.dead ?? null),
    words.destroys.listeners(status?.live.live_instances ?? 0),
  ];
  return (
    <ul className={classes.destroyed}>
      {destroyed.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

const NAMED = 5;

function namesOf(names: string[]): string {
  const shown = names.slice(0, NAMED).map((name) => `“${name}”`);
  return [...shown, ...(names.length > NAMED ? [texts.status.andMore(names.length - NAMED)] : [])].join(', ');
}

function tagged({ product, etag }: TaggedProduct): Tagged {
  const { name, slug, description, enabled, replicas, allowed_queues, variables } = product;
  const values = { name, slug, description, enabled, replicas, allowed_queues: allowed_queues ?? [] };
  return { values: { ...values, variables: Object.entries(variables) }, etag };
}

function bodyValue(field: string, value: unknown): unknown {
  if (field === 'allowed_queues') return (value as string[]).length === 0 ? null : value;
  return field === 'variables' ? Object.fromEntries((value as VariableRows).filter(([name]) => name !== '')) : value;
}
