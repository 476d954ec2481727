import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { RouterProvider } from 'react-router';
import { ApiError } from './api/problem';
import { createRouter } from './routes';
import { theme } from './theme/theme';

/**
 * Everything around the pages. Nothing is written to the browser's storage but the colour scheme and, for this tab, what
 * was typed into the guided path and is not saved yet: never a secret.
 */
export function App() {
  const [queryClient] = useState(createQueryClient);
  const [router] = useState(createRouter);
  return (
    // The theme's variables are static CSS (build/mantine-variables.ts): no <style> element at run time.
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => {
          const isPermanent = error instanceof ApiError && error.status >= 400 && error.status < 500;
          return !isPermanent && failures < 2;
        },
      },
      mutations: { retry: false },
    },
  });
}
