import { useEffect } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { isServerPage, safeNext } from './next-address';

/** `/`: goes where `?next=` says, else to the products. Only signed-in people get here. */
export function StartPage() {
  const [parameters] = useSearchParams();
  const next = safeNext(parameters.get('next'));
  const outside = next !== null && isServerPage(next) ? next : null;
  useEffect(() => {
    if (outside) window.location.replace(outside);
  }, [outside]);
  return outside ? null : <Navigate to={next ?? '/products'} replace />;
}
