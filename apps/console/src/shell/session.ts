import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../api/client';
import { keys } from '../api/keys';
import type { User } from '../api/types';
import { forgetKept } from '../components/kept-draft';

export interface Session {
  user: User;
}

/** Who is signed in; an error with status 401 when nobody is. */
export function useSession() {
  return useQuery({
    queryKey: keys.me,
    queryFn: ({ signal }) => get<Session>('/auth/me', { signal }),
    staleTime: 60_000,
    retry: false,
  });
}

/** The signed-in user, inside the shell, where there always is one. */
export function useUser(): User {
  const session = useSession();
  if (!session.data) throw new Error('useUser is for pages inside the shell');
  return session.data.user;
}

/** May the signed-in user change this product? The server decides; this only spares people buttons that would fail. */
export function mayChange(user: User, productId: number): boolean {
  return user.role !== 'viewer' && (user.all_products || user.product_ids.includes(productId));
}

export function useSignIn() {
  const queryClient = useQueryClient();
  return async (email: string, password: string): Promise<void> => {
    const session = await post<Session>('/auth/login', { email, password });
    queryClient.clear();
    queryClient.setQueryData(keys.me, { user: session.user });
  };
}

export function useSignOut() {
  const queryClient = useQueryClient();
  return async (): Promise<void> => {
    await post('/auth/logout');
    queryClient.clear();
    forgetKept();
  };
}
