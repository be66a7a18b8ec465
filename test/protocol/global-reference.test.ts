import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseReference, printReference } from '../../src/protocol/global-reference.ts';

test('numbers are printed bare, strings in quotation marks', () => {
  expect(printReference('CITY', ['FR', '75', 'Par"is', '075', '-.5'])).toBe('^CITY("FR",75,"Par""is","075",-.5)');
  expect(printReference('CITY', [])).toBe('^CITY');
});

test('what is printed reads back the same', () => {
  const subscript = fc.oneof(
    fc.string({ minLength: 1, maxLength: 10, unit: 'grapheme' }),
    fc.integer().map(String),
    fc.constantFrom('"', '""', ',', ')', '(', 'a,b', ' x '),
  );
  fc.assert(
    fc.property(fc.array(subscript, { maxLength: 4 }), (subscripts) => {
      const value = { global: 'A.B1', subscripts };
      expect(parseReference(printReference('A.B1', subscripts))).toEqual({ ok: true, value });
    }),
    { numRuns: 2000 },
  );
});

test('typed references: blanks, and number literals made canonical', () => {
  expect(parseReference(' ^CITY( "FR" , 075,1.50,"75",1E3, -0 ) ')).toEqual({
    ok: true,
    value: { global: 'CITY', subscripts: ['FR', '75', '1.5', '75', '1000', '0'] },
  });
});

test.each([
  ['CITY', 'it begins with ^'],
  ['^', 'global name'],
  ['^1X', 'global name'],
  ['^X(1', 'closing parenthesis'],
  ['^X()', 'subscript 1 is neither'],
  ['^X(1,)', 'subscript 2 is neither'],
  ['^X(FR)', 'FR is not a number; a string needs quotation marks'],
  ['^X("FR)', 'subscript 1 is neither'],
  ['^X("a""")b")', 'subscript 1 is neither'],
  ['^X(1 2)', 'subscript 1 is neither'],
  ['^X("")', 'a subscript is empty'],
  ['^X(1E99999)', 'is not a number'],
  [`^X("${'x'.repeat(600)}")`, '511 bytes'],
])('%s is refused: %s', (typed, why) => {
  const parsed = parseReference(typed);
  expect(parsed.ok ? '' : parsed.text).toContain(why);
});
