import { Alert, Button, Group, Modal, MultiSelect, NumberInput, Select, Stack, Switch, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { patch, post, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { AlertRule, RulePreview } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Fields } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { Sparkline } from '../../components/sparkline';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProducts } from '../products/products-query';
import { useAlertChannels } from './alerts-query';

const words = texts.alertRules;
type Kind = AlertRule['kind'];
/** Kinds whose threshold means nothing: they are true or false. */
const STATES: readonly Kind[] = [
  'not_connected',
  'not_resumed',
  'probe_lost',
  'destination_down',
  'revision_drift',
  'broker_drops_messages',
];

export function RuleDialog({ rule, onClose }: { rule: AlertRule | null; onClose: () => void }) {
  const user = useUser();
  const queryClient = useQueryClient();
  const products = useProducts();
  const channels = useAlertChannels();
  const [name, setName] = useState(rule?.name ?? '');
  const [kind, setKind] = useState<Kind>(rule?.kind ?? 'not_connected');
  const [allProducts, setAllProducts] = useState(rule?.all_products ?? user.all_products);
  const [productIds, setProductIds] = useState((rule?.product_ids ?? []).map(String));
  const [threshold, setThreshold] = useState<number | string>(rule?.threshold ?? '');
  const [parameter, setParameter] = useState(rule?.topic_parameter ?? '');
  const [forS, setForS] = useState<number | string>(rule?.for_s ?? 60);
  const [keepS, setKeepS] = useState<number | string>(rule?.keep_firing_for_s ?? 300);
  const [severity, setSeverity] = useState<AlertRule['severity']>(rule?.severity ?? 'warning');
  const [channelIds, setChannelIds] = useState((rule?.channel_ids ?? []).map(String));
  const [runbook, setRunbook] = useState(rule?.runbook_url ?? '');
  const [enabled, setEnabled] = useState(rule?.enabled ?? true);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [deleting, setDeleting] = useState(false);
  const done = () => {
    void queryClient.invalidateQueries({ queryKey: keys.alertRules });
    onClose();
  };
  const fields = () => ({
    all_products: allProducts,
    product_ids: allProducts ? [] : productIds.map(Number),
    ...(STATES.includes(kind) || threshold === '' ? {} : { threshold: Number(threshold) }),
    ...(kind === 'silence' ? { topic_parameter: parameter.trim() === '' ? null : parameter.trim() } : {}),
    for_s: Number(forS),
    keep_firing_for_s: Number(keepS),
    severity,
    channel_ids: channelIds.map(Number),
    runbook_url: runbook.trim() === '' ? null : runbook.trim(),
    enabled,
  });
  const preview = useMutation({
    mutationFn: () => post<RulePreview>('/alert-rules/preview', { kind, ...fields() }),
    onError: (error) => setFaults(faultsByField(error)),
  });
  const save = useMutation({
    mutationFn: () =>
      rule
        ? patch<AlertRule>(`/alert-rules/${rule.id}`, { name, ...fields() })
        : post<AlertRule>('/alert-rules', { name, kind, ...fields() }),
    onSuccess: () => {
      notifyDone(rule ? words.saved(name) : words.created(name));
      done();
    },
    onError: (error) => {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFaults({});
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={rule ? words.edit(rule.name) : words.create} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <Fields>
            <TextInput
              label={words.name}
              required
              withAsterisk={false}
              value={name}
              error={faults.name}
              data-autofocus
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Select
              label={words.kind}
              value={kind}
              disabled={rule !== null}
              allowDeselect={false}
              searchable
              data={Object.entries(words.kinds).map(([value, label]) => ({ value, label }))}
              onChange={(value) => {
                if (value) setKind(value as Kind);
                setThreshold('');
              }}
            />
          </Fields>
          <Switch
            label={words.allProducts}
            checked={allProducts}
            disabled={!user.all_products}
            onChange={(event) => setAllProducts(event.currentTarget.checked)}
          />
          {!allProducts && (
            <MultiSelect
              label={words.products}
              error={faults.product_ids}
              searchable
              value={productIds}
              onChange={setProductIds}
              data={(products.data ?? []).map((product) => ({ value: String(product.id), label: product.name }))}
            />
          )}
          <Fields>
            {!STATES.includes(kind) && (
              <NumberInput
                label={words.threshold}
                description={rule ? words.units[rule.unit] : undefined}
                value={threshold}
                error={faults.threshold}
                onChange={setThreshold}
              />
            )}
            {kind === 'silence' && (
              <TextInput
                label={words.topicParameter}
                description={words.topicParameterHelp}
                value={parameter}
                error={faults.topic_parameter}
                onChange={(event) => setParameter(event.currentTarget.value)}
              />
            )}
            <NumberInput label={words.forS} min={0} value={forS} error={faults.for_s} onChange={setForS} />
            <NumberInput
              label={words.keepFiringForS}
              min={0}
              value={keepS}
              error={faults.keep_firing_for_s}
              onChange={setKeepS}
            />
            <Select
              label={words.severity}
              value={severity}
              allowDeselect={false}
              data={(['critical', 'warning', 'info'] as const).map((value) => ({
                value,
                label: texts.alerts.severity[value],
              }))}
              onChange={(value) => value && setSeverity(value as AlertRule['severity'])}
            />
            <TextInput
              label={words.runbook}
              value={runbook}
              error={faults.runbook_url}
              onChange={(event) => setRunbook(event.currentTarget.value)}
            />
          </Fields>
          <MultiSelect
            label={words.channels}
            description={words.channelsHelp}
            value={channelIds}
            onChange={setChannelIds}
            data={(channels.data ?? []).map((channel) => ({ value: String(channel.id), label: channel.name }))}
          />
          <Switch
            label={words.enabled}
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
          />
          {preview.data && (
            <Alert color={preview.data.fired > 0 ? 'amber' : 'green'} title={preview.data.sentence}>
              {preview.data.has_history && (
                <Sparkline values={preview.data.points.map(({ value }) => value ?? 0)} label={preview.data.sentence} />
              )}
            </Alert>
          )}
          <Group justify="space-between">
            <Group>
              <Button variant="default" loading={preview.isPending} onClick={() => preview.mutate()}>
                {words.preview}
              </Button>
              {rule && (
                <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>
                  {words.delete}
                </Button>
              )}
            </Group>
            <Group>
              <Button variant="default" onClick={onClose}>
                {texts.common.cancel}
              </Button>
              <Button type="submit" loading={save.isPending}>
                {texts.common.save}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
      {rule && (
        <Confirm
          opened={deleting}
          onClose={() => setDeleting(false)}
          title={words.delete}
          confirmLabel={words.delete}
          onConfirm={async () => {
            await remove(`/alert-rules/${rule.id}`);
            done();
          }}
        >
          {words.deleteBody(rule.name)}
        </Confirm>
      )}
    </Modal>
  );
}
