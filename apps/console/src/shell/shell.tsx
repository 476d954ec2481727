import { ActionIcon, Drawer, Kbd, UnstyledButton } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { IconMenu2, IconSearch } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef } from 'react';
import { Link, Navigate, Outlet, useLocation, useNavigate } from 'react-router';
import { whenSignedOut } from '../api/client';
import { ApiError } from '../api/problem';
import { Failure } from '../components/states';
import { texts } from '../texts';
import { AlertBell } from '../features/alerts/alert-bell';
import { AccountMenu } from './account-menu';
import { InstallationBanner } from './installation-banner';
import { Logo } from './logo';
import { Navigation } from './navigation';
import { useSession } from './session';
import { ShellSkeleton } from './shell-skeleton';
import classes from './shell.module.css';
import { openPalette } from './palette-control';

const CommandPalette = lazy(async () => ({ default: (await import('./command-palette')).CommandPalette }));

/** The frame around every page: navigation, search, account. Sends people who are not signed in to the sign-in page. */
export function Shell() {
  const session = useSession();
  const location = useLocation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [menuOpened, menu] = useDisclosure(false);
  const wasSignedIn = useRef(false);
  if (session.data) wasSignedIn.current = true;
  // Here, not in the palette: its code may still be on its way. In inputs too.
  useHotkeys([['mod+K', openPalette]], []);

  useEffect(() => {
    whenSignedOut(() => {
      // Who was never signed in has not been signed out: the page below sends them to sign in, without a word.
      if (!wasSignedIn.current) return;
      queryClient.clear();
      const from = window.location.pathname + window.location.search;
      void navigate('/sign-in', { state: { from, ended: true } });
    });
    return () => whenSignedOut(() => {});
  }, [navigate, queryClient]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address closes the menu
  useEffect(() => menu.close(), [location.pathname]);

  if (session.isPending) return <ShellSkeleton />;
  if (session.isError && !session.data) {
    if (session.error instanceof ApiError && session.error.status === 401) {
      return <Navigate to="/sign-in" replace state={{ from: location.pathname + location.search }} />;
    }
    return <Failure error={session.error} onRetry={() => void session.refetch()} />;
  }

  return (
    <div className={classes.shell}>
      <a className="skip-link" href="#content">
        {texts.app.skipToContent}
      </a>
      <aside className={classes.sidebar}>
        <div className={classes.head}>
          <Link to="/products" className={classes.brand} aria-label={texts.app.name}>
            <Logo />
          </Link>
          <AlertBell />
        </div>
        <Search />
        <Navigation />
        <div className={classes.foot}>
          <AccountMenu />
        </div>
      </aside>
      <header className={classes.topbar}>
        <ActionIcon variant="subtle" color="gray" size="lg" onClick={menu.open} aria-label={texts.nav.openMenu}>
          <IconMenu2 size={20} />
        </ActionIcon>
        <Link to="/products" className={classes.brand} aria-label={texts.app.name}>
          <Logo />
        </Link>
        <div className={classes.tools}>
          <AlertBell />
          <ActionIcon variant="subtle" color="gray" size="lg" onClick={openPalette} aria-label={texts.nav.palette}>
            <IconSearch size={20} />
          </ActionIcon>
        </div>
      </header>
      <Drawer opened={menuOpened} onClose={menu.close} size="17rem" title={<Logo />} padding="md">
        <Navigation />
        <div className={classes.foot}>
          <AccountMenu />
        </div>
      </Drawer>
      <main className={classes.main} id="content" tabIndex={-1}>
        <InstallationBanner />
        <Outlet />
      </main>
      <Suspense fallback={null}>
        <CommandPalette />
      </Suspense>
    </div>
  );
}

function Search() {
  return (
    <UnstyledButton className={classes.search} onClick={openPalette}>
      <IconSearch size={15} aria-hidden />
      <span>{texts.nav.palette}</span>
      <Kbd size="xs">Ctrl K</Kbd>
    </UnstyledButton>
  );
}
