import { ActionIcon, Button, Group, Modal, Stack, Text, TextInput, Textarea, Tooltip } from '@mantine/core';
import { IconPlus, IconRefresh, IconShieldLock, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, Fragment, useState } from 'react';
import { Link } from 'react-router';
import { post, remove, request } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { ProductSecret } from '../../api/types';
import { ChangedMeanwhileError, type Versioned, writeUnlessChanged } from '../../api/write-unless-changed';
import { Confirm } from '../../components/confirm';
import { Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { SearchField, useSearch } from '../../components/search-field';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { Time } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useMqttConfig } from '../mqtt-config/mqtt-config-query';
import { useProductId } from '../products/product-id';
import { readSecrets, useSecrets } from './secrets-query';

const words = texts.secrets;
/** Subscriptions that are named where a secret is used by many. */
const NAMED = 4;

export function SecretsPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const queryClient = useQueryClient();
  const [search, clearSearch] = useSearch();
  const [editing, setEditing] = useState<Versioned<ProductSecret> | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Versioned<ProductSecret> | null>(null);
  const secrets = useSecrets(productId);
  const config = useMqttConfig(productId);
  const names = new Map(config.data?.document.subscriptions.map(({ id, name }) => [id, name]));
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.secrets(productId) });
  const create = canChange ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
      {words.create}
    </Button>
  ) : undefined;

  return (
    <Page title={words.title} subtitle={words.hint} actions={create}>
      <Panel flush>
        <Loaded query={secrets}>
          {({ value: all, etag }) => {
            const shown = all.filter((secret) => secret.name.toLowerCase().includes(search.trim().toLowerCase()));
            if (all.length === 0) {
              return <Empty icon={IconShieldLock} title={words.empty} hint={words.emptyHint} action={create} />;
            }
            return (
              <>
                <div className={rows.toolbar}>
                  <SearchField label={words.search} />
                </div>
                {shown.length === 0 && <NoMatch query={search} onClear={clearSearch} />}
                <ul className={rows.rows}>
                  {shown.map((secret) => (
                    <li key={secret.name} className={rows.row}>
                      <IconShieldLock size={18} stroke={1.6} aria-hidden className={rows.lead} />
                      <div className={rows.main}>
                        <code className={rows.title}>{secret.name}</code>
                        <span className={rows.note}>
                          <UsedBy productId={productId} ids={secret.used_by} names={names} /> · {words.changed}{' '}
                          <Time at={secret.updated_at} />
                        </span>
                      </div>
                      {canChange && (
                        <Group gap={4} wrap="nowrap">
                          <Tooltip label={words.replace}>
                            <ActionIcon
                              variant="subtle"
                              color="gray"
                              aria-label={`${words.replace}: ${secret.name}`}
                              onClick={() => setEditing({ value: secret, etag })}
                            >
                              <IconRefresh size={17} />
                            </ActionIcon>
                          </Tooltip>
                          <Tooltip label={secret.used_by.length > 0 ? words.inUse : words.delete}>
                            <ActionIcon
                              variant="subtle"
                              color="red"
                              aria-label={`${words.delete}: ${secret.name}`}
                              aria-disabled={secret.used_by.length > 0}
                              data-disabled={secret.used_by.length > 0 || undefined}
                              onClick={() => secret.used_by.length === 0 && setDeleting({ value: secret, etag })}
                            >
                              <IconTrash size={17} />
                            </ActionIcon>
                          </Tooltip>
                        </Group>
                      )}
                    </li>
                  ))}
                </ul>
              </>
            );
          }}
        </Loaded>
      </Panel>
      {editing && (
        <SecretDialog
          productId={productId}
          replaced={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onDone={() => {
            setEditing(null);
            void refresh();
          }}
        />
      )}
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={words.delete}
        confirmLabel={words.delete}
        onConfirm={async () => {
          if (!deleting) return;
          const { name } = deleting.value;
          try {
            await writeSecret(productId, deleting, (ifMatch) =>
              remove(`/products/${productId}/secrets/${name}`, { ifMatch }),
            );
            notifyDone(words.deleted(name));
          } finally {
            await refresh();
          }
        }}
      >
        {deleting && words.deleteBody(deleting.value.name)}
      </Confirm>
    </Page>
  );
}

/** The subscriptions whose actions name it, as links. */
function UsedBy({ productId, ids, names }: { productId: number; ids: number[]; names: Map<number, string> }) {
  if (ids.length === 0) return words.notUsed;
  return (
    <>
      {words.usedBy}{' '}
      {ids.slice(0, NAMED).map((id, index) => (
        <Fragment key={id}>
          {index > 0 && ', '}
          <Link to={`/products/${productId}/subscriptions/${id}`}>{names.get(id) ?? `#${id}`}</Link>
        </Fragment>
      ))}
      {ids.length > NAMED && ` ${texts.status.andMore(ids.length - NAMED)}`}
    </>
  );
}

/** Writes a secret unless somebody else gave it a new value, or deleted it, since it was seen. */
function writeSecret<R>(
  productId: number,
  seen: Versioned<ProductSecret>,
  write: (etag: string | null) => Promise<R>,
): Promise<R> {
  return writeUnlessChanged<ProductSecret | undefined, R>({
    seen,
    readNewest: () => readSecret(productId, seen.value.name),
    isSame: (before, now) => before?.updated_at === now?.updated_at,
    write,
  });
}

async function readSecret(productId: number, name: string): Promise<Versioned<ProductSecret | undefined>> {
  const { value, etag } = await readSecrets(productId);
  return { value: value.find((secret) => secret.name === name), etag };
}

/** A new secret, or a new value for one (`replaced` given). What is typed is gone when the dialog closes. */
function SecretDialog({
  productId,
  replaced,
  onClose,
  onDone,
}: {
  productId: number;
  replaced: Versioned<ProductSecret> | null;
  onClose: () => void;
  onDone: () => void;
}) {
  const name = replaced?.value.name ?? null;
  const [seen, setSeen] = useState(replaced);
  const [newName, setNewName] = useState('');
  const [value, setValue] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    try {
      if (seen === null) {
        await post(`/products/${productId}/secrets`, { name: newName, value });
        notifyDone(words.created(newName));
      } else {
        const path = `/products/${productId}/secrets/${seen.value.name}` as const;
        await writeSecret(productId, seen, (ifMatch) => request('PUT', path, { body: { value }, ifMatch }));
        notifyDone(words.replaced(seen.value.name));
      }
      onDone();
    } catch (error) {
      if (seen && error instanceof ChangedMeanwhileError) {
        // What is typed stays, and a second save is upon what is there now.
        const { value: now, etag } = await readSecret(productId, seen.value.name);
        setSeen(now ? { value: now, etag } : { ...seen, etag });
        setFaults({ value: now ? words.replacedMeanwhile : words.deletedMeanwhile });
        return;
      }
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={name === null ? words.create : words.replaceTitle(name)}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {name === null ? (
            <TextInput
              label={words.name}
              description={words.nameHelp}
              value={newName}
              error={faults.name}
              required
              withAsterisk={false}
              data-autofocus
              autoComplete="off"
              spellCheck={false}
              classNames={{ input: 'mono' }}
              onChange={(event) => setNewName(event.currentTarget.value)}
            />
          ) : (
            <Text c="dimmed" size="sm">
              {words.replaceHint}
            </Text>
          )}
          <Textarea
            label={words.value}
            value={value}
            error={faults.value}
            required
            withAsterisk={false}
            autosize
            minRows={2}
            maxRows={10}
            autoComplete="off"
            spellCheck={false}
            data-1p-ignore
            classNames={{ input: 'mono' }}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {texts.common.cancel}
            </Button>
            <Button type="submit" loading={busy}>
              {texts.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
