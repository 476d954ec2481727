import {
  IconBell,
  IconTargetArrow,
  IconAdjustmentsHorizontal,
  IconChartHistogram,
  IconHistory,
  IconInfoCircle,
  IconKey,
  IconMessages,
  IconPlugConnected,
  IconServerBolt,
  IconShieldLock,
  IconStack2,
  IconTruckDelivery,
  IconUsers,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { texts } from '../texts';

interface PageEntry {
  /** Of a product's page: relative to `/products/{id}/`. */
  path: string;
  label: string;
  icon: ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;
  adminOnly?: true;
}

/** Pages every product has, in the order of its tabs. */
export const productPages: PageEntry[] = [
  { path: '', label: texts.nav.overview, icon: IconChartHistogram },
  { path: 'mqtt-config', label: texts.nav.connection, icon: IconPlugConnected },
  { path: 'messages', label: texts.nav.messages, icon: IconMessages },
  { path: 'deliveries', label: texts.nav.deliveries, icon: IconTruckDelivery },
  { path: 'destinations', label: texts.nav.destinations, icon: IconTargetArrow },
  { path: 'secrets', label: texts.nav.secrets, icon: IconShieldLock },
  { path: 'listeners', label: texts.nav.listeners, icon: IconServerBolt },
  { path: 'audit-log', label: texts.nav.auditLog, icon: IconHistory },
  { path: 'settings', label: texts.nav.productSettings, icon: IconAdjustmentsHorizontal },
];

export const topPages: PageEntry[] = [
  { path: '/products', label: texts.nav.products, icon: IconStack2 },
  { path: '/alerts', label: texts.nav.alerts, icon: IconBell },
  { path: '/audit-log', label: texts.nav.auditLog, icon: IconHistory, adminOnly: true },
  { path: '/account', label: texts.nav.profile, icon: IconKey },
  { path: '/users', label: texts.nav.users, icon: IconUsers, adminOnly: true },
  { path: '/about', label: texts.nav.settings, icon: IconInfoCircle },
];
