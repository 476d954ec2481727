import { Button, Group, Modal, MultiSelect, SegmentedControl, Stack, Switch, TextInput } from '@mantine/core';
import { IconPlus, IconTool } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { post, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { MaintenanceWindow } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Fields, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { exactTime } from '../../components/relative-time';
import rows from '../../components/rows.module.css';
import { Empty, Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProducts } from '../products/products-query';
import { useWindows } from './alerts-query';

const words = texts.windows;

export function WindowsPanel() {
  const user = useUser();
  const queryClient = useQueryClient();
  const windows = useWindows();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<MaintenanceWindow | null>(null);
  const may_write = user.role !== 'viewer';
  const refresh = () => void queryClient.invalidateQueries({ queryKey: keys.windows });
  const create = may_write && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      {words.create}
    </Button>
  );
  return (
    <Panel flush>
      <div className={rows.toolbar}>{create}</div>
      <Loaded query={windows}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={IconTool} title={words.empty} hint={words.emptyHint} action={create} />
          ) : (
            <ul className={rows.rows}>
              {all.map((window) => (
                <li key={window.id} className={rows.row}>
                  <span className={rows.main}>
                    <span className={rows.title}>{window.name}</span>
                    <span className={rows.note}>
                      {whenOf(window)} ·{' '}
                      {window.all_products ? words.all : texts.alerts.products(window.product_ids.length)}
                    </span>
                  </span>
                  {window.active && <ToneBadge tone="busy">{words.active}</ToneBadge>}
                  {may_write && (
                    <Button size="compact-sm" variant="subtle" color="red" onClick={() => setDeleting(window)}>
                      {words.delete}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {creating && (
        <WindowDialog
          onClose={() => setCreating(false)}
          onDone={() => {
            setCreating(false);
            refresh();
          }}
        />
      )}
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={words.delete}
        confirmLabel={words.delete}
        onConfirm={async () => {
          await remove(`/maintenance-windows/${deleting?.id ?? 0}`);
          refresh();
        }}
      >
        {words.deleteBody(deleting?.name ?? '')}
      </Confirm>
    </Panel>
  );
}

function whenOf({ repeats, starts_at, ends_at, days, from, to, timezone }: MaintenanceWindow): string {
  if (repeats === 'once') return `${exactTime(starts_at ?? '')} – ${exactTime(ends_at ?? '')}`;
  return `${days.map((day) => words.dayNames[day]).join(', ')} ${from} – ${to} (${timezone})`;
}

function WindowDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const user = useUser();
  const products = useProducts();
  const [name, setName] = useState('');
  const [repeats, setRepeats] = useState<'once' | 'weekly'>('once');
  const [starts, setStarts] = useState('');
  const [ends, setEnds] = useState('');
  const [days, setDays] = useState<string[]>([]);
  const [from, setFrom] = useState('22:00');
  const [to, setTo] = useState('23:00');
  const [timezone, setTimezone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [allProducts, setAllProducts] = useState(user.all_products);
  const [productIds, setProductIds] = useState<string[]>([]);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const moment = (local: string) => (local === '' ? null : new Date(local).toISOString());
  const save = useMutation({
    mutationFn: () =>
      post('/maintenance-windows', {
        name,
        all_products: allProducts,
        product_ids: allProducts ? [] : productIds.map(Number),
        repeats,
        ...(repeats === 'once'
          ? { starts_at: moment(starts), ends_at: moment(ends) }
          : { days: days.map(Number), from, to, timezone }),
      }),
    onSuccess: () => {
      notifyDone(words.created);
      onDone();
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
    <Modal opened onClose={onClose} title={words.create} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={words.name}
            required
            withAsterisk={false}
            value={name}
            error={faults.name}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <SegmentedControl
            aria-label={words.repeats}
            value={repeats}
            onChange={(value) => setRepeats(value as 'once' | 'weekly')}
            data={[
              { value: 'once', label: words.once },
              { value: 'weekly', label: words.weekly },
            ]}
          />
          <Fields>
            {repeats === 'once' ? (
              <>
                <TextInput
                  type="datetime-local"
                  label={words.starts}
                  value={starts}
                  error={faults.starts_at}
                  onChange={(event) => setStarts(event.currentTarget.value)}
                />
                <TextInput
                  type="datetime-local"
                  label={words.ends}
                  value={ends}
                  error={faults.ends_at}
                  onChange={(event) => setEnds(event.currentTarget.value)}
                />
              </>
            ) : (
              <>
                <MultiSelect
                  label={words.days}
                  value={days}
                  error={faults.days}
                  onChange={setDays}
                  data={words.dayNames.map((label, day) => ({ value: String(day), label }))}
                />
                <TextInput
                  label={words.timezone}
                  value={timezone}
                  error={faults.timezone}
                  onChange={(event) => setTimezone(event.currentTarget.value)}
                />
                <TextInput
                  label={words.from}
                  value={from}
                  error={faults.from}
                  onChange={(event) => setFrom(event.currentTarget.value)}
                />
                <TextInput
                  label={words.to}
                  value={to}
                  error={faults.to}
                  onChange={(event) => setTo(event.currentTarget.value)}
                />
              </>
            )}
          </Fields>
          <Switch
            label={words.all}
            checked={allProducts}
            disabled={!user.all_products}
            onChange={(event) => setAllProducts(event.currentTarget.checked)}
          />
          {!allProducts && (
            <MultiSelect
              label={texts.alertRules.products}
              error={faults.product_ids}
              searchable
              value={productIds}
              onChange={setProductIds}
              data={(products.data ?? []).map((product) => ({ value: String(product.id), label: product.name }))}
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {texts.common.cancel}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {texts.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
