import {
  IconBell,
  IconBook2,
  IconHistory,
  IconInfoCircle,
  IconListDetails,
  IconStack2,
  IconUsers,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { NavLink } from 'react-router';
import { texts } from '../texts';
import classes from './navigation.module.css';
import { useUser } from './session';

interface Entry {
  to: string;
  label: string;
  icon: ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;
  /** Served by the server itself, not by this app. */
  external?: true;
  adminOnly?: true;
}

const ENTRIES: Entry[][] = [
  [
    { to: '/products', label: texts.nav.products, icon: IconStack2 },
    { to: '/alerts', label: texts.nav.alerts, icon: IconBell },
    { to: '/audit-log', label: texts.nav.auditLog, icon: IconHistory, adminOnly: true },
  ],
  [
    { to: '/users', label: texts.nav.users, icon: IconUsers, adminOnly: true },
    { to: '/admin/queues', label: texts.nav.jobQueues, icon: IconListDetails, external: true, adminOnly: true },
    { to: '/docs', label: texts.nav.apiDocs, icon: IconBook2, external: true },
    { to: '/about', label: texts.nav.settings, icon: IconInfoCircle },
  ],
];

export function Navigation() {
  const user = useUser();
  return (
    <nav aria-label={texts.nav.label} className={classes.nav}>
      {ENTRIES.map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
        <ul key={index} className={classes.group}>
          {group
            .filter((entry) => !entry.adminOnly || user.role === 'admin')
            .map((entry) => (
              <li key={entry.to}>
                {entry.external ? (
                  <a href={entry.to} className={classes.link} target="_blank" rel="noreferrer">
                    <entry.icon size={18} stroke={1.7} aria-hidden />
                    {entry.label}
                  </a>
                ) : (
                  <NavLink to={entry.to} className={classes.link}>
                    <entry.icon size={18} stroke={1.7} aria-hidden />
                    {entry.label}
                  </NavLink>
                )}
              </li>
            ))}
        </ul>
      ))}
    </nav>
  );
}
