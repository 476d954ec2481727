import { passwordFaults } from './password-rules';

const isTaken = (password: string) => passwordFaults('password', password, 'vera.blau@example.com').length === 0;

describe('the rules for passwords', () => {
  it.each(['password1234', 'Password12345!', 'qwertyuiop12', '123456789012', 'iloveyou1234', 'hunter2hunter2'])(
    'refuse %s, which is among the first that are tried',
    (password) => {
      expect(passwordFaults('password', password, 'a@example.com')).toEqual([
        {
          field: 'password',
          message: 'is among the first that are tried: made of common passwords, names or sequences',
        },
      ]);
    },
  );

  it.each(['short', 'vera.blau@example.com', 'vera.blau123', 'ababababababab'])('refuse %s', (password) => {
    expect(isTaken(password)).toBe(false);
  });

  it.each(['correct horse battery staple', 'looking-is-enough', '7f3a9c1e5b2d', 'müde Möwen meiden Moos'])(
    'take %s',
    (password) => {
      expect(isTaken(password)).toBe(true);
    },
  );

  it('are decided within a moment, however long the password', () => {
    isTaken('loads the lists first');
    const started = performance.now();
    passwordFaults('password', 'ab1!'.repeat(125), 'a@example.com');
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
