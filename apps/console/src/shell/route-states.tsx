import { Button, VisuallyHidden } from '@mantine/core';
import { IconBug, IconCompass, IconLock } from '@tabler/icons-react';
import { Link, Outlet, useRouteError } from 'react-router';
import { messageOf } from '../api/problem';
import { Empty } from '../components/states';
import { texts } from '../texts';
import { useUser } from './session';

/** Keeps pages for administrators from asking the server for what it would refuse. */
export function AdminOnly() {
  const user = useUser();
  if (user.role === 'admin') return <Outlet />;
  return (
    <>
      <title>{`${texts.app.adminOnly} · cortex-mqtt`}</title>
      <VisuallyHidden component="h1">{texts.app.adminOnly}</VisuallyHidden>
      <Empty icon={IconLock} title={texts.app.adminOnly} hint={texts.app.adminOnlyHint} />
    </>
  );
}

export function NotFoundPage() {
  return (
    <>
      <title>{`${texts.app.unknownPage} · cortex-mqtt`}</title>
      <VisuallyHidden component="h1">{texts.app.unknownPage}</VisuallyHidden>
      <Empty
        icon={IconCompass}
        title={texts.app.unknownPage}
        hint={texts.app.unknownPageHint}
        action={
          <Button component={Link} to="/products">
            {texts.app.toProducts}
          </Button>
        }
      />
    </>
  );
}

/** Shown instead of a page that threw; the navigation around it keeps working. */
export function RouteCrash() {
  const error = useRouteError();
  return (
    <div role="alert">
      <Empty
        icon={IconBug}
        title={texts.app.crashed}
        hint={
          <>
            {texts.app.crashedHint}
            <br />
            <code>{messageOf(error)}</code>
          </>
        }
        action={<Button onClick={() => window.location.reload()}>{texts.app.reload}</Button>}
      />
    </div>
  );
}
