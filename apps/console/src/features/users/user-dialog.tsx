import { Alert, Button, Group, Modal, PasswordInput, Radio, Stack, Switch, TextInput } from '@mantine/core';
import { IconBuilding } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { patch, post, remove } from '../../api/client';
import { faultsByField } from '../../api/problem';
import type { IssuedInvitation, Role, UserAccount } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { texts } from '../../texts';
import { GrantFields } from './grant-fields';
import { InvitationLink } from './invitation-link';
import classes from './users-page.module.css';

const words = texts.users;

interface DialogProps {
  /** null for a new one. */
  user: UserAccount | null;
  isMe: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** Makes or changes a user: role, grants, and how the user gets in. */
export function UserDialog({ user, isMe, onClose, onDone }: DialogProps) {
  const [email, setEmail] = useState(user?.email ?? '');
  const [name, setName] = useState(user?.name ?? '');
  const [role, setRole] = useState<Role>(user?.role ?? 'viewer');
  const [grants, setGrants] = useState({
    all_products: user?.all_products ?? false,
    product_ids: user?.product_ids ?? [],
    may_read_payloads: user?.may_read_payloads ?? false,
  });
  const [invite, setInvite] = useState(user === null);
  const [invitation, setInvitation] = useState<IssuedInvitation | null>(null);
  const [password, setPassword] = useState('');
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [deleting, setDeleting] = useState(false);
  // Its groups decide about role and grants, and there is no password here.
  const provider = user?.identity_provider ?? null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    const granted = { ...grants, product_ids: grants.all_products ? [] : grants.product_ids };
    const body = {
      email,
      name,
      ...(provider === null ? { role } : {}),
      ...(role === 'admin' || provider !== null ? {} : granted),
      ...(password && !invite ? { password } : {}),
    };
    try {
      if (user) {
        await patch(`/users/${user.id}`, { ...body, disabled });
        notifyDone(words.saved(email));
        onDone();
        return;
      }
      const made = await post<UserAccount & { invitation: IssuedInvitation | null }>(
        '/users',
        invite ? { ...body, invite } : body,
      );
      if (made.invitation) {
        setInvitation(made.invitation);
        return;
      }
      notifyDone(words.created(email));
      onDone();
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    } finally {
      setBusy(false);
    }
  };

  const inviteAgain = async () => {
    if (!user) return;
    try {
      setInvitation(await post<IssuedInvitation>(`/users/${user.id}/invitation`));
    } catch (error) {
      notifyFailure(words.inviteAgain, error);
    }
  };

  if (invitation) return <InvitationLink email={email} invitation={invitation} onClose={onDone} />;
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
          {provider !== null && (
            <Alert icon={<IconBuilding size={18} />} color="cortex" p="sm">
              {words.ofProvider(provider)}
            </Alert>
          )}
          <Radio.Group label={words.role} value={role} error={faults.role} onChange={(value) => setRole(value as Role)}>
            <div className={classes.roles}>
              {(['viewer', 'operator', 'admin'] as const).map((one) => (
                <Radio.Card key={one} value={one} className={classes.choice} disabled={provider !== null}>
                  <Radio.Indicator size="sm" />
                  <span>
                    <span className={rows.title}>{words.roles[one]}</span>
                    <span className={classes.help}>{words.roleHelp[one]}</span>
                  </span>
                </Radio.Card>
              ))}
            </div>
          </Radio.Group>
          {role !== 'admin' && provider === null && (
            <GrantFields role={role} value={grants} onChange={setGrants} error={faults.product_ids} />
          )}
          {!user && (
            <Switch
              label={words.invite}
              description={words.inviteHelp}
              checked={invite}
              onChange={(event) => setInvite(event.currentTarget.checked)}
            />
          )}
          {!invite && provider === null && (
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
          )}
          {user && !isMe && (
            <Switch
              label={words.disabled}
              checked={disabled}
              onChange={(event) => setDisabled(event.currentTarget.checked)}
            />
          )}
          <Group justify="space-between">
            {user && !isMe ? (
              <Group gap="xs">
                <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>
                  {words.delete}
                </Button>
                <Button
                  variant="subtle"
                  disabled={user.disabled || provider !== null}
                  onClick={() => void inviteAgain()}
                >
                  {words.inviteAgain}
                </Button>
              </Group>
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
