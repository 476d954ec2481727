import { nearMiss } from './near-miss';

const TOPICS = ['plant/a/temp', '/shop/eu/orders/1/created', 'Shop/EU/Returns/7'];

it.each([
  ['other letters', 'shop/eu/returns/+', 'returns/+', 'Shop/EU/Returns/7', 'upper and lower case differ'],
  ['a leading slash too few', 'shop/eu/orders/#', 'orders/#', '/shop/eu/orders/1/created', 'the leading slash differs'],
  ['a leading slash too many', '/plant/a/+', '/plant/a/+', 'plant/a/temp', 'the leading slash differs'],
  ['another prefix', 'shop/de/+/temp', 'a/temp', 'plant/a/temp', 'the levels before it differ'],
])('%s', (_name, filter, own, topic, difference) => {
  expect(nearMiss({ filter, own }, TOPICS)).toEqual({ topic, difference });
});

it.each([
  ['nothing like it arrives', 'shop/eu/invoices/#', 'invoices/#'],
  ['a wildcard alone', 'shop/fr/#', '#'],
])('%s: none', (_name, filter, own) => {
  expect(nearMiss({ filter, own }, TOPICS)).toBeNull();
});
