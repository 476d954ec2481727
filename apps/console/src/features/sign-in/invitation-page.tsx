import { Alert, Button, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useNavigate } from 'react-router';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField, messageOf } from '../../api/problem';
import type { Invitation, User } from '../../api/types';
import { Logo } from '../../shell/logo';
import { texts } from '../../texts';
import classes from './sign-in-page.module.css';

const words = texts.signIn.invitation;

/** Where an invited person chooses a password. The token is in the fragment, which no server sees. */
export function InvitationPage() {
  const [token] = useState(() => window.location.hash.slice(1));
  const invitation = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => post<Invitation>('/auth/invitations/read', { token: token || '-' }),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (invitation.isPending) return null;
  return (
    <main className={classes.page}>
      <title>{`${words.title} · cortex-mqtt`}</title>
      <div className={classes.column}>
        <Logo />
        {invitation.data ? (
          <AcceptForm token={token} invitation={invitation.data} />
        ) : (
          <Paper className={classes.card}>
            <Stack gap="md">
              <Title order={1}>{words.title}</Title>
              <Alert icon={<IconAlertCircle size={18} />} color="red" role="alert">
                {messageOf(invitation.error)}
              </Alert>
            </Stack>
          </Paper>
        )}
      </div>
    </main>
  );
}

function AcceptForm({ token, invitation }: { token: string; invitation: Invitation }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFaults({});
    setError(null);
    try {
      const session = await post<{ user: User }>('/auth/invitations/accept', {
        token,
        password: String(form.get('password')),
        name: String(form.get('name')),
      });
      queryClient.clear();
      queryClient.setQueryData(keys.me, { user: session.user });
      await navigate('/products', { replace: true });
    } catch (failure) {
      const found = faultsByField(failure);
      setFaults(found);
      if (Object.keys(found).length === 0) setError(messageOf(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Paper
      component="form"
      className={classes.card}
      onSubmit={(event: FormEvent<HTMLFormElement>) => void submit(event)}
    >
      <Stack gap="md">
        <Title order={1}>{words.title}</Title>
        <Text>{words.lead(invitation.email)}</Text>
        {error && (
          <Alert icon={<IconAlertCircle size={18} />} color="red" role="alert">
            {error}
          </Alert>
        )}
        <input type="hidden" name="username" autoComplete="username" value={invitation.email} readOnly />
        <TextInput
          label={words.name}
          name="name"
          defaultValue={invitation.name}
          error={faults.name}
          autoComplete="name"
        />
        <PasswordInput
          label={words.password}
          description={words.passwordHelp}
          name="password"
          error={faults.password}
          autoComplete="new-password"
          minLength={12}
          required
          withAsterisk={false}
          autoFocus
        />
        <Button type="submit" loading={busy} fullWidth size="md">
          {words.submit}
        </Button>
      </Stack>
    </Paper>
  );
}
