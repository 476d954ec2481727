import { Alert, Button, Divider, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { IconAlertCircle, IconBuilding, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Navigate, useLocation, useNavigate } from 'react-router';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError, messageOf } from '../../api/problem';
import type { SignInOptions } from '../../api/types';
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
  const options = useQuery({
    queryKey: keys.signInOptions,
    queryFn: ({ signal }) => get<SignInOptions>('/auth/options', { signal }),
    retry: false,
    staleTime: 60_000,
  });
  const [error, setError] = useState<string | null>(() => refusalIn(location.search));
  const [isEmergency, setEmergency] = useState(false);
  const [busy, setBusy] = useState(false);

  // Until it is known that nobody is signed in, the form would only flash.
  if (session.isPending || options.isPending) return null;
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

  // A server that does not say how takes a password.
  const { password: takesPassword, providers } = options.data ?? { password: true, providers: [] };
  const asksPassword = takesPassword || isEmergency;
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
            {providers.map((provider) => (
              <Button
                key={provider.id}
                component="a"
                href={`${provider.url}?return_to=${encodeURIComponent(target)}`}
                variant={takesPassword ? 'default' : 'filled'}
                leftSection={<IconBuilding size={18} />}
                fullWidth
                size="md"
              >
                {texts.signIn.with(provider.name)}
              </Button>
            ))}
            {providers.length > 0 && takesPassword && <Divider label={texts.signIn.or} />}
            {!asksPassword && (
              <Button variant="subtle" size="compact-sm" onClick={() => setEmergency(true)}>
                {texts.signIn.emergency}
              </Button>
            )}
            {asksPassword && (
              <>
                <TextInput
                  label={texts.signIn.email}
                  type="email"
                  autoComplete="username"
                  required
                  withAsterisk={false}
                  autoFocus={providers.length === 0 || isEmergency}
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
              </>
            )}
          </Stack>
        </Paper>
      </div>
    </main>
  );
}

/** Why a provider's answer signed nobody in, as the server says in the address. */
function refusalIn(search: string): string | null {
  const reason = new URLSearchParams(search).get('refused');
  if (reason === null) return null;
  return Object.hasOwn(texts.signIn.refused, reason)
    ? (texts.signIn.refused[reason] ?? null)
    : texts.signIn.refusedOtherwise;
}

function wordsFor(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 401) return texts.signIn.failed;
    if (error.status === 429) return texts.signIn.tooMany;
    if (error.status === 0) return texts.common.offline;
  }
  return messageOf(error);
}
