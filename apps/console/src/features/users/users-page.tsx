import {
  Avatar,
  Button,
  Group,
  Modal,
  MultiSelect,
  PasswordInput,
  Radio,
  Stack,
  Switch,
  TextInput,
  UnstyledButton,
} from '@mantine/core';
import { IconPlus, IconUsers } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { patch, post, remove } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { Role, UserAccount } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { SearchField, useSearch } from '../../components/search-field';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProducts } from '../products/products-query';
import classes from './users-page.module.css';

const words = texts.users;

export function UsersPage() {
  const me = useUser();
  const queryClient = useQueryClient();
  const [search, clearSearch] = useSearch();
  const [editing, setEditing] = useState<{ user: UserAccount | null } | null>(null);
  const users = useQuery({
    queryKey: keys.users,
    queryFn: ({ signal }) => everyPage<UserAccount>('/users', signal),
  });
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ user: null })}>
      {words.create}
    </Button>
  );
  return (
    <Page title={words.title} subtitle={words.subtitle} actions={create}>
      <Panel flush>
        <div className={rows.toolbar}>
          <SearchField label={words.search} />
        </div>
        <Loaded query={users}>
          {(all) => {
            const needle = search.trim().toLowerCase();
            const shown = all.filter((user) => `${user.email} ${user.name}`.toLowerCase().includes(needle));
            if (all.length === 0) return <Empty icon={IconUsers} title={words.empty} action={create} />;
            if (shown.length === 0) return <NoMatch query={search} onClear={clearSearch} />;
            return (
              <ul className={rows.rows}>
                {shown.map((user) => (
                  <li key={user.id}>
                    <UnstyledButton
                      className={`${rows.row} ${classes.row}`}
                      aria-label={words.edit(user.email)}
                      onClick={() => setEditing({ user })}
                    >
                      <Avatar size={32} radius="xl" color="cortex" name={user.name || user.email} />
                      <span className={rows.main}>
                        <span className={rows.title}>
                          {user.name || user.email}{' '}
                          {user.id === me.id && <span className={rows.note}>({words.you})</span>}
                        </span>
                        <span className={rows.note}>
                          {user.name ? `${user.email} · ` : ''}
                          {user.last_login_at ? (
                            <>
                              {words.lastLogin} <Time at={user.last_login_at} />
                            </>
                          ) : (
                            words.never
                          )}
                        </span>
                      </span>
                      {user.disabled && <ToneBadge tone="off">{words.isDisabled}</ToneBadge>}
                      <span className={classes.role}>{words.roles[user.role]}</span>
                    </UnstyledButton>
                  </li>
                ))}
              </ul>
            );
          }}
        </Loaded>
      </Panel>
      {editing && (
        <UserDialog
          user={editing.user}
          isMe={editing.user?.id === me.id}
          onClose={() => setEditing(null)}
          onDone={() => {
            setEditing(null);
            void queryClient.invalidateQueries({ queryKey: keys.users });
          }}
        />
      )}
    </Page>
  );
}

interface DialogProps {
  /** null for a new one. */
  user: UserAccount | null;
  isMe: boolean;
  onClose: () => void;
  onDone: () => void;
}

function UserDialog({ user, isMe, onClose, onDone }: DialogProps) {
  const products = useProducts();
  const [email, setEmail] = useState(user?.email ?? '');
  const [name, setName] = useState(user?.name ?? '');
  const [role, setRole] = useState<Role>(user?.role ?? 'viewer');
  const [granted, setGranted] = useState<string[]>((user?.product_ids ?? []).map(String));
  const [password, setPassword] = useState('');
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [deleting, setDeleting] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    const body = { email, name, role, product_ids: granted.map(Number), ...(password ? { password } : {}) };
    try {
      if (user) await patch(`/users/${user.id}`, { ...body, disabled });
      else await post('/users', body);
      notifyDone(user ? words.saved(email) : words.created(email));
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
    <Modal opened onClose={onClose} title={user ? words.edit(user.email) : words.create} size="lg">
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <TextInput
            label={words.email}
            type="email"
            value={email}
            error={faults.email}
            required
            withAsterisk={false}
            autoComplete="off"
            data-autofocus
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <TextInput
            label={words.name}
            value={name}
            error={faults.name}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Radio.Group label={words.role} value={role} error={faults.role} onChange={(value) => setRole(value as Role)}>
            <div className={classes.roles}>
              {(['viewer', 'operator', 'admin'] as const).map((one) => (
                <Radio.Card key={one} value={one} className={classes.choice}>
                  <Radio.Indicator size="sm" />
                  <span>
                    <span className={rows.title}>{words.roles[one]}</span>
                    <span className={classes.help}>{words.roleHelp[one]}</span>
                  </span>
                </Radio.Card>
              ))}
            </div>
          </Radio.Group>
          {role === 'operator' && (
            <MultiSelect
              label={words.products}
              description={words.productsHelp}
              error={faults.product_ids}
              value={granted}
              onChange={setGranted}
              searchable
              clearable
              data={(products.data ?? []).map((product) => ({ value: String(product.id), label: product.name }))}
            />
          )}
          <PasswordInput
            label={user ? words.newPassword : words.password}
            description={user ? words.newPasswordHelp : words.passwordHelp}
            value={password}
            error={faults.password}
            required={!user}
            withAsterisk={false}
            minLength={12}
            autoComplete="new-password"
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {user && !isMe && (
            <Switch
              label={words.disabled}
              checked={disabled}
              onChange={(event) => setDisabled(event.currentTarget.checked)}
            />
          )}
          <Group justify="space-between">
            {user && !isMe ? (
              <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>
                {words.delete}
              </Button>
            ) : (
              <span />
            )}
            <Group>
              <Button variant="default" onClick={onClose}>
                {texts.common.cancel}
              </Button>
              <Button type="submit" loading={busy}>
                {texts.common.save}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
      {user && (
        <Confirm
          opened={deleting}
          onClose={() => setDeleting(false)}
          title={words.delete}
          confirmLabel={words.delete}
          onConfirm={async () => {
            await remove(`/users/${user.id}`);
            notifyDone(words.deleted(user.email));
            onDone();
          }}
        >
          {words.deleteBody(user.email)}
        </Confirm>
      )}
    </Modal>
  );
}
