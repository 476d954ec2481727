import { createBrowserRouter, type RouteObject } from 'react-router';
import { ProductPage } from './features/products/product-page';
import { ProductsPage } from './features/products/products-page';
import { SignInPage } from './features/sign-in/sign-in-page';
import { AdminOnly, NotFoundPage, RouteCrash } from './shell/route-states';
import { Shell } from './shell/shell';
import { ShellSkeleton } from './shell/shell-skeleton';
import { StartPage } from './shell/start-page';

/** Every address of the console. Pages beyond the first are loaded when they are opened. */
export function createRouter() {
  return createBrowserRouter([
    { path: '/sign-in', element: <SignInPage />, errorElement: <RouteCrash /> },
    {
      path: '/invitation',
      errorElement: <RouteCrash />,
      HydrateFallback: () => null,
      lazy: async () => ({ Component: (await import('./features/sign-in/invitation-page')).InvitationPage }),
    },
    {
      path: '/',
      element: <Shell />,
      errorElement: <RouteCrash />,
      HydrateFallback: FirstPage,
      children: [
        {
          errorElement: <RouteCrash />,
          children: [...topRoutes, productRoute, { path: '*', element: <NotFoundPage /> }],
        },
      ],
    },
  ]);
}

const topRoutes: RouteObject[] = [
  { index: true, element: <StartPage /> },
  { path: 'products', element: <ProductsPage /> },
  {
    path: 'products/new',
    lazy: async () => ({ Component: (await import('./features/products/setup/setup-page')).NewProductPage }),
  },
  {
    path: 'products/:productId/setup/:step?',
    lazy: async () => ({ Component: (await import('./features/products/setup/setup-page')).SetupPage }),
  },
  {
    path: 'alerts',
    lazy: async () => ({ Component: (await import('./features/alerts/alerts-page')).AlertsPage }),
    children: [
      {
        index: true,
        lazy: async () => ({ Component: (await import('./features/alerts/incidents-panel')).IncidentsPanel }),
      },
      { path: 'rules', lazy: async () => ({ Component: (await import('./features/alerts/rules-panel')).RulesPanel }) },
      {
        path: 'channels',
        lazy: async () => ({ Component: (await import('./features/alerts/channels-panel')).ChannelsPanel }),
      },
      {
        path: 'windows',
        lazy: async () => ({ Component: (await import('./features/alerts/windows-panel')).WindowsPanel }),
      },
    ],
  },
  {
    path: 'alerts/incidents/:incidentId',
    lazy: async () => ({ Component: (await import('./features/alerts/incident-page')).IncidentPage }),
  },
  {
    element: <AdminOnly />,
    children: [
      {
        path: 'audit-log',
        lazy: async () => ({ Component: (await import('./features/audit/audit-log-page')).AuditLogPage }),
      },
      { path: 'users', lazy: async () => ({ Component: (await import('./features/users/users-page')).UsersPage }) },
    ],
  },
  { path: 'account', lazy: async () => ({ Component: (await import('./features/account/account-page')).AccountPage }) },
  { path: 'about', lazy: async () => ({ Component: (await import('./features/settings/about-page')).AboutPage }) },
];

const productPages: RouteObject[] = [
  {
    index: true,
    lazy: async () => ({ Component: (await import('./features/overview/overview-page')).OverviewPage }),
  },
  {
    path: 'mqtt-config',
    lazy: async () => ({ Component: (await import('./features/mqtt-config/mqtt-config-page')).MqttConfigPage }),
  },
  {
    path: 'subscriptions/new',
    lazy: async () => ({ Component: (await import('./features/subscription/subscription-page')).NewSubscriptionPage }),
  },
  {
    path: 'subscriptions/:subscriptionId',
    lazy: async () => ({ Component: (await import('./features/subscription/subscription-page')).SubscriptionPage }),
  },
  {
    path: 'messages',
    lazy: async () => ({ Component: (await import('./features/messages/messages-page')).MessagesPage }),
  },
  {
    path: 'replays',
    lazy: async () => ({ Component: (await import('./features/replays/replays-page')).ReplaysPage }),
  },
  {
    path: 'deliveries',
    lazy: async () => ({ Component: (await import('./features/deliveries/deliveries-page')).DeliveriesPage }),
  },
  {
    path: 'destinations',
    lazy: async () => ({ Component: (await import('./features/destinations/destinations-page')).DestinationsPage }),
  },
  { path: 'secrets', lazy: async () => ({ Component: (await import('./features/secrets/secrets-page')).SecretsPage }) },
  {
    path: 'listeners',
    lazy: async () => ({ Component: (await import('./features/listeners/listeners-page')).ListenersPage }),
  },
  {
    path: 'audit-log',
    lazy: async () => ({ Component: (await import('./features/audit/audit-log-page')).ProductAuditLogPage }),
  },
  {
    path: 'settings',
    lazy: async () => ({
      Component: (await import('./features/products/product-settings-page')).ProductSettingsPage,
    }),
  },
  { path: '*', element: <NotFoundPage /> },
];

const productRoute: RouteObject = {
  path: 'products/:productId',
  element: <ProductPage />,
  children: [{ errorElement: <RouteCrash />, children: productPages }],
};

/** While the first page's code loads. */
function FirstPage() {
  return <ShellSkeleton />;
}
