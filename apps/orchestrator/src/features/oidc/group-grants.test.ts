import { type GroupGrant, grantedTo, groupsOf } from './group-grants';

const GRANTS: GroupGrant[] = [
  { group: 'admins', role: 'admin' },
  { group: 'shop', role: 'operator', products: ['shop'] },
  { group: 'warehouse', role: 'operator', products: ['warehouse', 'shop'] },
  { group: 'readers', role: 'viewer', products: 'all' },
  { group: 'lab', role: 'viewer', products: ['lab'], may_read_payloads: true },
];

describe('what groups are granted', () => {
  it('is nothing without a group that is named', () => {
    expect(grantedTo([], GRANTS)).toBeNull();
    expect(grantedTo(['others', 'Admins', '*'], GRANTS)).toBeNull();
  });

  it('adds up the products of one role', () => {
    expect(grantedTo(['warehouse', 'shop'], GRANTS)).toEqual({
      role: 'operator',
      all_products: false,
      product_slugs: ['shop', 'warehouse'],
      may_read_payloads: false,
    });
  });

  it('lets nobody change what a group only reads', () => {
    expect(grantedTo(['shop', 'readers'], GRANTS)).toMatchObject({
      role: 'operator',
      all_products: false,
      product_slugs: ['shop'],
    });
  });

  it('lets nobody read payloads of products whose group may not', () => {
    expect(grantedTo(['lab'], GRANTS)).toMatchObject({ role: 'viewer', may_read_payloads: true });
    expect(grantedTo(['lab', 'readers'], GRANTS)).toMatchObject({ all_products: true, may_read_payloads: false });
  });

  it('is everything for an administrator', () => {
    expect(grantedTo(['lab', 'admins'], GRANTS)).toMatchObject({
      role: 'admin',
      all_products: true,
      product_slugs: [],
    });
  });

  it('counts an entry for everybody', () => {
    expect(grantedTo([], [{ group: '*', role: 'viewer', products: ['demo'] }])).toMatchObject({
      role: 'viewer',
      product_slugs: ['demo'],
    });
  });
});

describe('groups in claims', () => {
  it.each([
    [{ groups: ['a', 'b'] }, 'groups', ['a', 'b']],
    [{ groups: 'a' }, 'groups', ['a']],
    [{ realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
    [{ 'https://example.com/groups': ['a'] }, 'https://example.com/groups', ['a']],
    [{ groups: ['a', 7, null, ['b'], '*', ''] }, 'groups', ['a']],
    [{}, 'groups', []],
    [{ groups: { length: 1 } }, 'groups', []],
    [{}, '__proto__.constructor.name', []],
    [{}, 'constructor.name', []],
  ])('%j by %s', (claims, claim, groups) => {
    expect(groupsOf(claims as Record<string, unknown>, claim)).toEqual(groups);
  });
});
