import { ActionIcon, Button, Group, Modal, Stack, Text, TextInput, Textarea, Tooltip } from '@mantine/core';
import { IconPlus, IconRefresh, IconSearch, IconShieldLock, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { post, put, remove } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { ProductSecret } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { Time } from '../../components/time';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProductId } from '../products/product-id';

const words = texts.secrets;

export function SecretsPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const queryClient = useQueryClient();
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<{ name: string | null } | null>(null);
  const [deleting, setDeleting] = useState<ProductSecret | null>(null);
  const secrets = useQuery({
    queryKey: keys.secrets(productId),
    queryFn: ({ signal }) => everyPage<ProductSecret>(`/products/${productId}/secrets`, signal),
  });
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.secrets(productId) });
  const create = canChange ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ name: null })}>
      {words.create}
    </Button>
  ) : undefined;

  return (
    <Page title={words.title} subtitle={words.hint} actions={create}>
      <Panel flush>
        <Loaded query={secrets}>
          {(all) => {
            const shown = all.filter((secret) => secret.name.toLowerCase().includes(search.trim().toLowerCase()));
            if (all.length === 0) {
              return <Empty icon={IconShieldLock} title={words.empty} hint={words.emptyHint} action={create} />;
            }
            return (
              <>
                <div className={rows.toolbar}>
                  <TextInput
                    className={rows.grow}
                    leftSection={<IconSearch size={16} />}
                    placeholder={words.search}
                    aria-label={words.search}
                    value={search}
                    onChange={(event) => setSearch(event.currentTarget.value)}
                  />
                </div>
                {shown.length === 0 && <NoMatch query={search} onClear={() => setSearch('')} />}
                <ul className={rows.rows}>
                  {shown.map((secret) => (
                    <li key={secret.name} className={rows.row}>
                      <IconShieldLock size={18} stroke={1.6} aria-hidden className={rows.lead} />
                      <div className={rows.main}>
                        <code className={rows.title}>{secret.name}</code>
                        <span className={rows.note}>
                          {words.usedBy(secret.used_by.length)} · {words.changed} <Time at={secret.updated_at} />
                        </span>
                      </div>
                      {canChange && (
                        <Group gap={4} wrap="nowrap">
                          <Tooltip label={words.replace}>
                            <ActionIcon
                              variant="subtle"
                              color="gray"
                              aria-label={`${words.replace}: ${secret.name}`}
                              onClick={() => setEditing({ name: secret.name })}
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
                              onClick={() => secret.used_by.length === 0 && setDeleting(secret)}
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
          name={editing.name}
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
          await remove(`/products/${productId}/secrets/${deleting.name}`);
          notifyDone(words.deleted(deleting.name));
          await refresh();
        }}
      >
        {deleting && words.deleteBody(deleting.name)}
      </Confirm>
    </Page>
  );
}

/** A new secret, or a new value for one (`name` given). What is typed is gone when the dialog closes. */
function SecretDialog({
  productId,
  name,
  onClose,
  onDone,
}: {
  productId: number;
  name: string | null;
  onClose: () => void;
  onDone: () => void;
}) {
  const [newName, setNewName] = useState('');
  const [value, setValue] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    try {
      if (name === null) await post(`/products/${productId}/secrets`, { name: newName, value });
      else await put(`/products/${productId}/secrets/${name}`, { value });
      notifyDone(name === null ? words.created(newName) : words.replaced(name));
      onDone();
    } catch (error) {
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
