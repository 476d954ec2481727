import { NavLink, Outlet } from 'react-router';
import { Page } from '../../components/layout';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import classes from './alerts.module.css';

const words = texts.alerts;

/** Incidents, rules, channels and maintenance. */
export function AlertsPage() {
  const user = useUser();
  const tabs = [
    { to: '/alerts', label: words.incidents },
    { to: '/alerts/rules', label: words.rules },
    // Addresses of people are not everybody's.
    ...(user.role === 'viewer' ? [] : [{ to: '/alerts/channels', label: words.channels }]),
    { to: '/alerts/windows', label: words.windows },
  ];
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <nav aria-label={words.tabs} className={classes.tabs}>
        {tabs.map(({ to, label }) => (
          <NavLink key={to} to={to} end className={classes.tab}>
            {label}
          </NavLink>
        ))}
      </nav>
      <Outlet />
    </Page>
  );
}
