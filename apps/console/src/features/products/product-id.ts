import { useParams } from 'react-router';

/** Id of the product in the address; NaN when it is none. */
export function useProductId(): number {
  const { productId } = useParams();
  return Number(productId);
}
