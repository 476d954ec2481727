import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get, hasSession, post } from '../api/client';
import { keys } from '../api/keys';
import { ApiError } from '../api/problem';
import type { User } from '../api/types';
import { texts } from '../texts';
import { forgetKept } from '../components/kept-draft';

export interface Session {
  user: User;
}

/** Who is signed in; an error with status 401 when nobody is. */
export function useSession() {
  return useQuery({
    queryKey: keys.me,
    queryFn: ({ signal }) => {
      if (!hasSession()) throw new ApiError({ type: 'about:blank', title: 'Unauthorized', status: 401, detail: '' });
      return get<Session>('/auth/me', { signal });
    },
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

/** Why a page can't be changed, and what would help. */
export function readOnlyReason(user: User): string {
  return user.role === 'viewer' ? texts.common.readOnlyViewer : texts.common.readOnly;
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
