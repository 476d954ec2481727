import { Button } from '@mantine/core';
import { IconBug, IconCompass } from '@tabler/icons-react';
import { Link, useRouteError } from 'react-router';
import { messageOf } from '../api/problem';
import { Empty } from '../components/states';
import { texts } from '../texts';

export function NotFoundPage() {
  return (
    <>
      <title>{`${texts.app.unknownPage} · cortex-mqtt`}</title>
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

/** Shown instead of a page that threw; the navigation around it goes on working. */
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
