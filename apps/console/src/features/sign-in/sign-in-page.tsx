import { Alert, Button, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { IconAlertCircle, IconInfoCircle } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { Navigate, useLocation, useNavigate } from 'react-router';
import { ApiError, messageOf } from '../../api/problem';
import { Logo } from '../../shell/logo';
import { useSession, useSignIn } from '../../shell/session';
import { texts } from '../../texts';
import classes from './sign-in-page.module.css';

interface FromState {
  from?: string;
  ended?: boolean;
}

export function SignInPage() {
  const location = useLocation();
  const navigate = useNavigate();
  const session = useSession();
  const signIn = useSignIn();
  const state = (location.state ?? {}) as FromState;
  const target = state.from ?? '/products';
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  // Until it is known that nobody is signed in, the form would only flash.
  if (session.isPending) return null;
  if (session.data && !busy) return <Navigate to={target} replace />;

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await signIn(String(form.get('email')), String(form.get('password')));
      await navigate(target, { replace: true });
    } catch (failure) {
      setError(wordsFor(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className={classes.page}>
      <title>{`${texts.signIn.title} · cortex-mqtt`}</title>
      <div className={classes.column}>
        <Logo />
        <Paper
          component="form"
          className={classes.card}
          onSubmit={(event: FormEvent<HTMLFormElement>) => void submit(event)}
        >
          <Stack gap="md">
            <Title order={1}>{texts.signIn.title}</Title>
            {state.ended && !error && (
              <Alert icon={<IconInfoCircle size={18} />} color="cortex">
                {texts.signIn.ended}
              </Alert>
            )}
            {error && (
              <Alert icon={<IconAlertCircle size={18} />} color="red" role="alert">
                {error}
              </Alert>
            )}
            <TextInput
              label={texts.signIn.email}
              type="email"
              autoComplete="username"
              required
              withAsterisk={false}
              autoFocus
              name="email"
            />
            <PasswordInput
              label={texts.signIn.password}
              autoComplete="current-password"
              required
              withAsterisk={false}
              name="password"
            />
            <Button type="submit" loading={busy} fullWidth size="md">
              {texts.signIn.submit}
            </Button>
          </Stack>
        </Paper>
      </div>
    </main>
  );
}

function wordsFor(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 401) return texts.signIn.failed;
    if (error.status === 429) return texts.signIn.tooMany;
    if (error.status === 0) return texts.common.offline;
  }
  return messageOf(error);
}
