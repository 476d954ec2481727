import { createBrowserRouter, Navigate } from 'react-router';
import { ProductPage } from './features/products/product-page';
import { ProductsPage } from './features/products/products-page';
import { SignInPage } from './features/sign-in/sign-in-page';
import { NotFoundPage, RouteCrash } from './shell/route-states';
import { Shell } from './shell/shell';

/** Every address of the console. Pages beyond the first are loaded when they are opened. */
export function createRouter() {
  return createBrowserRouter([
    { path: '/sign-in', element: <SignInPage />, errorElement: <RouteCrash /> },
    {
      path: '/',
      element: <Shell />,
      errorElement: <RouteCrash />,
      HydrateFallback: Nothing,
      children: [
        {
          errorElement: <RouteCrash />,
          children: [
            { index: true, element: <Navigate to="/products" replace /> },
            { path: 'products', element: <ProductsPage /> },
            {
              path: 'products/:productId',
              element: <ProductPage />,
              children: [
                {
                  errorElement: <RouteCrash />,
                  children: [
                    { index: true, element: <Navigate to="mqtt-config" replace /> },
                    {
                      path: 'mqtt-config',
                      lazy: async () => ({
                        Component: (await import('./features/mqtt-config/mqtt-config-page')).MqttConfigPage,
                      }),
                    },
                    {
                      path: 'subscriptions/new',
                      lazy: async () => ({
                        Component: (await import('./features/subscription/subscription-page')).NewSubscriptionPage,
                      }),
                    },
                    {
                      path: 'subscriptions/:subscriptionId',
                      lazy: async () => ({
                        Component: (await import('./features/subscription/subscription-page')).SubscriptionPage,
                      }),
                    },
                  ],
                },
              ],
            },
            { path: '*', element: <NotFoundPage /> },
          ],
        },
      ],
    },
  ]);
}

/** While the first page's code is on its way. */
function Nothing() {
  return null;
}
